import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';
import { round, type Bench } from './figure.js';
import { trainerBlock } from './trainer.js';

/** What a point costs in the log's segment files, blocks, headers and checksums included. */
export async function measureBytes(bench: Bench): Promise<void> {
  const records = bench.quick ? 200 : 1_000;
  const single = await bytesPerPoint(records, 100, 64, 'single');
  const double = await bytesPerPoint(records, 100, 64, 'double');
  const oneStep = await bytesPerPoint(records * 10, 1, 100, 'single');
  bench.print(
    'log.bytes_per_point',
    single,
    'B/point',
    `${records} records of 64 noisy float32 curves x 100 steps; noise in every bit of a double ${round(double)}; records of one step x 100 keys ${round(oneStep)}`,
  );
}

async function bytesPerPoint(records: number, steps: number, keys: number, as: 'single' | 'double'): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'runstream-bytes-'));
  const log = await openSegmentEventLog({ dir, partitions: { catalog: 1, runs: 1, telemetry: 2 }, clock: Date.now });
  try {
    for (let from = 0; from < records; from += 64) {
      const count = Math.min(64, records - from);
      await log.append(
        Array.from({ length: count }, (_, i) => {
          const rank = (from + i) % 16;
          const seq = Math.floor((from + i) / 16) + 1;
          const head = {
            id: `0f3a9c7e-${rank}-${seq}`,
            source: 'sdk-python/0.1.0',
            subject: '01JD7W3Q6Y2N4M8K',
            timeMs: 1_767_225_600_000 + seq * 1_000,
            writer: { id: `0f3a9c7e${rank}`, attempt: 1, rank, seq },
            reply: false,
          };
          return toRecord(
            encodeEvent(head, 'PointsLogged', { blocks: [trainerBlock(seq * steps, steps, keys, as)] }),
            (topic) => log.partitionCount(topic),
          );
        }),
      );
    }
    let bytes = 0;
    for (const name of await readdir(dir, { recursive: true }))
      if (name.endsWith('.log')) bytes += (await stat(join(dir, name))).size;
    return bytes / (records * steps * keys);
  } finally {
    await log.close();
    await rm(dir, { recursive: true });
  }
}

/**
 * What the embedded log takes: 64 appenders x 64 KB of noise, of records of 1.3 KB, and bytes per point of realistic telemetry.
 * Beside it, as yardstick, plain writes + fdatasync of the same size to the same disk. Prints one line per figure.
 * Run: node --conditions=source --import tsx test/load/log-append.ts [directory] [seconds]
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PointBlock } from '#libs/domain/event.js';
import type { EventLog, EventRecord } from '#libs/log/event-log.js';
import { encodeEvent, readEvent, toRecord } from '#libs/log/event-record.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';

const base = process.argv[2] ?? tmpdir();
const seconds = Number(process.argv[3] ?? 4);
const partitions = { catalog: 1, runs: 1, telemetry: 4 } as const;
const print = (figure: string, value: number, unit: string, note = ''): void => {
  process.stdout.write(`${figure.padEnd(34)} ${value.toFixed(value < 100 ? 2 : 0).padStart(12)} ${unit} ${note}\n`);
};

async function withLog<Result>(work: (log: EventLog, dir: string) => Promise<Result>): Promise<Result> {
  await mkdir(base, { recursive: true });
  const dir = await mkdtemp(join(base, 'log-append-'));
  const log = await openSegmentEventLog({ dir, partitions, clock: Date.now });
  try {
    return await work(log, dir);
  } finally {
    await log.close();
    await rm(dir, { recursive: true });
  }
}

/** Appends from many appenders until the time is over. */
async function appendFor(
  log: EventLog,
  appenders: number,
  next: (i: number) => EventRecord[],
): Promise<{ records: number; bytes: number; ms: number; cpuMs: number; systemMs: number; waits: number[] }> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let records = 0;
  let bytes = 0;
  let count = 0;
  const waits: number[] = [];
  const loop = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1_000) {
      const batch = next(count++);
      const sentAt = performance.now();
      await log.append(batch);
      waits.push(performance.now() - sentAt);
      records += batch.length;
      for (const record of batch) bytes += record.value.length;
    }
  };
  await Promise.all(Array.from({ length: appenders }, loop));
  const { user, system } = process.cpuUsage(cpu);
  return {
    records,
    bytes,
    ms: performance.now() - startedAt,
    cpuMs: (user + system) / 1_000,
    systemMs: system / 1_000,
    waits,
  };
}

const quantile = (values: number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * q)]!;

function report(
  name: string,
  { records, bytes, ms, cpuMs, systemMs, waits }: Awaited<ReturnType<typeof appendFor>>,
): void {
  print(`${name}.mb_per_s`, bytes / 1e3 / ms, 'MB/s');
  print(`${name}.records_per_s`, (records / ms) * 1e3, 'records/s');
  print(
    `${name}.cpu_ns_per_byte`,
    (cpuMs * 1e6) / bytes,
    'ns/B',
    `${((cpuMs / ms) * 100).toFixed(0)} % of one core, ${((systemMs / cpuMs) * 100).toFixed(0)} % of that in the kernel`,
  );
  print(`${name}.append_p50_ms`, quantile(waits, 0.5), 'ms');
  print(`${name}.append_p99_ms`, quantile(waits, 0.99), 'ms');
}

async function plainWrites(): Promise<void> {
  await mkdir(base, { recursive: true });
  const path = join(await mkdtemp(join(base, 'log-append-')), 'plain');
  const file = await open(path, 'w');
  const bytes = randomBytes(4 * 1024 * 1024);
  let position = 0;
  const startedAt = performance.now();
  while (performance.now() - startedAt < (seconds * 1_000) / 2) {
    await file.write(bytes, 0, bytes.length, position);
    await file.datasync();
    position = (position + bytes.length) % (512 * 1024 * 1024);
  }
  const ms = performance.now() - startedAt;
  await file.close();
  print('yardstick.write_fdatasync_4MB', (await written(path, position)) / 1e3 / ms, 'MB/s');
  await rm(join(path, '..'), { recursive: true });
}
const written = async (path: string, position: number): Promise<number> => Math.max(position, (await stat(path)).size);

/** 64 metrics of one rank as a trainer sees them: a falling curve with noise, as float32. */
function pointBlock(from: number, steps: number, keys: number): PointBlock {
  const values = new Float64Array(keys * steps);
  for (let k = 0; k < keys; k++) {
    for (let i = 0; i < steps; i++)
      values[k * steps + i] = Math.fround(Math.exp(-(from + i) / 5_000) * (k + 1) + (Math.random() - 0.5) * 0.1);
  }
  const startedAt = 1_700_000_000_000;
  return {
    keys: Array.from({ length: keys }, (_, k) => (k === 0 ? 'train/loss' : `layers/${k}/grad_norm`)),
    steps: Float64Array.from({ length: steps }, (_, i) => from + i),
    times: Float64Array.from(
      { length: steps },
      (_, i) => startedAt + (from + i) * 1_000 + Math.floor(Math.random() * 30),
    ),
    values,
    everyValue: false,
  };
}

function pointsRecord(log: EventLog, seq: number, steps: number, keys: number): EventRecord {
  const rank = seq % 16;
  const head = {
    id: `0f3a9c7e-${rank}-${seq}`,
    source: 'sdk-python/0.1.0',
    subject: '01JD7W3Q6Y2N4M8K',
    timeMs: 1_700_000_000_000 + seq * 1_000,
    writer: { id: `0f3a9c7e${rank}`, attempt: 1, rank, seq },
    reply: false,
  };
  return toRecord(encodeEvent(head, 'PointsLogged', { blocks: [pointBlock(seq * steps, steps, keys)] }), (topic) =>
    log.partitionCount(topic),
  );
}

async function points(name: string, steps: number, keys: number, records: number): Promise<void> {
  await withLog(async (log, dir) => {
    const made = Array.from({ length: records }, (_, seq) => pointsRecord(log, seq, steps, keys));
    const total = records * steps * keys;
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    for (let at = 0; at < made.length; at += 64) await log.append(made.slice(at, at + 64));
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    let bytes = 0;
    for (const name of await readdir(dir, { recursive: true }))
      if (name.endsWith('.log')) bytes += (await stat(join(dir, name))).size;
    print(`${name}.bytes_per_point`, bytes / total, 'B/point', `${steps} steps x ${keys} keys per record`);
    print(
      `${name}.append_points_per_s`,
      total / (ms / 1e3),
      'points/s',
      `cpu ${((user + system) / 1e3).toFixed(0)} ms of ${ms.toFixed(0)}`,
    );
    await log.close();
    await readBack(name, dir, total);
  });
}

async function readBack(name: string, dir: string, total: number): Promise<void> {
  const log = await openSegmentEventLog({ dir, partitions, clock: Date.now });
  for (const decode of [false, true]) {
    const startedAt = performance.now();
    for (let partition = 0; partition < partitions.telemetry; partition++) {
      for await (const batch of log.read({ topic: 'telemetry', partition }, 0, {
        follow: false,
        signal: new AbortController().signal,
      })) {
        if (decode) for (const record of batch) readEvent(record);
      }
    }
    print(
      `${name}.read_points_per_s`,
      total / ((performance.now() - startedAt) / 1e3),
      'points/s',
      decode ? 'and decoded' : 'from disk',
    );
  }
  await log.close();
}

const noise = Array.from({ length: 64 }, () => randomBytes(64 * 1024));
const headers = (i: number): Record<string, string> => ({
  ce_specversion: '1.0',
  ce_id: `0f3a9c7e-${i}`,
  ce_type: 'runstream.PointsLogged.v1',
  ce_source: 'sdk-python/0.1.0',
  ce_subject: '01JD7W3Q6Y2N4M8K',
  ce_time: '2026-01-01T00:00:00.000Z',
  ce_writer: `0f3a9c7e 1 3 ${i}`,
});
const record = (i: number, value: Uint8Array): EventRecord => ({
  topic: 'telemetry',
  partition: i % 4,
  key: 'run/0',
  headers: headers(i),
  value,
});

await plainWrites();
report('64_appenders_64KB', await withLog((log) => appendFor(log, 64, (i) => [record(i, noise[i % 64]!)])));
report(
  '64_appenders_1.3KB',
  await withLog((log) => appendFor(log, 64, (i) => [record(i, noise[i % 64]!.subarray(0, 1_300))])),
);
report(
  '64_appenders_100x1.3KB',
  await withLog((log) =>
    appendFor(log, 64, (i) => Array.from({ length: 100 }, (_, j) => record(i, noise[j % 64]!.subarray(0, 1_300)))),
  ),
);
await points('points_large', 100, 64, 1_000);
await points('points_small', 1, 100, 20_000);

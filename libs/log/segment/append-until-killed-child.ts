/** Test program: owns a log, appends for ever and prints `offset id` of what is durable. Usage: append-until-killed DIR PREFIX */
import { openSegmentEventLog } from './segment-event-log.js';

const [dir, prefix] = process.argv.slice(2);
const log = await openSegmentEventLog({
  dir: dir!,
  partitions: { catalog: 1, runs: 1, telemetry: 1 },
  clock: Date.now,
  segmentBytesMax: 200_000,
});
process.stdout.write('open\n');
let count = 0;
async function append(): Promise<void> {
  for (;;) {
    const ids = Array.from({ length: 1 + (count % 4) }, () => `${prefix}-${count++}`);
    const records = ids.map(
      (id) =>
        ({
          topic: 'runs',
          partition: 0,
          key: 'k',
          headers: { ce_id: id },
          value: Buffer.from(id.repeat(1 + (count % 50))),
        }) as const,
    );
    const positions = await log.append(records);
    process.stdout.write(positions.map(({ offset }, i) => `${offset} ${ids[i]}\n`).join(''));
  }
}
await Promise.all(Array.from({ length: 8 }, append));

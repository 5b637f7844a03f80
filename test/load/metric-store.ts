/**
 * Rates of the metric store on one embedded engine: `npx tsx --conditions=source test/load/metric-store.ts [million points] [ranks]`.
 * Prints one JSON object per figure; measurements, not assertions.
 */
import { performance } from 'node:perf_hooks';
import { openMetricsRig } from '#libs/metrics/test/metrics-rig.js';
import { points, recordsOf, startMs } from '#libs/metrics/test/event-batches.js';
import { nameHash } from '#libs/metrics/metric-names.js';

const millions = Number(process.argv[2] ?? 4);
const ranks = Number(process.argv[3] ?? 256);
const keys = Array.from({ length: 10 }, (_, index) => `key${index}`);
const stepsPerEvent = 1_000;

const figure = (name: string, value: number, unit: string, note: string): void => {
  process.stdout.write(`${JSON.stringify({ figure: name, value: Number(value.toFixed(3)), unit, note })}\n`);
};
const noise = (step: number): number => Math.fround(Math.exp(-step / 1e5) + Math.random() * 0.01);

async function main(): Promise<void> {
  const rig = await openMetricsRig();
  try {
    const live = await rig.family.live();
    const events = Math.ceil((millions * 1e6) / (keys.length * stepsPerEvent));
    const partition = { topic: 'telemetry', partition: 0 } as const;
    const { epoch } = await live.claim(partition);
    let busyMs = 0;
    for (let from = 0; from < events; from += 10) {
      const to = Math.min(events, from + 10);
      const batch = Array.from({ length: to - from }, (_, i) => {
        const steps = Array.from({ length: stepsPerEvent }, (__, k) => (from + i) * stepsPerEvent + k);
        const values = Object.fromEntries(keys.map((key) => [key, steps.map(noise)]));
        return points({ run: 'long', seq: from + i + 1, steps, values, times: steps.map((step) => startMs + step * 100) });
      });
      const records = recordsOf(batch, from);
      const start = performance.now();
      await live.apply({ partition, epoch, from, to, records });
      busyMs += performance.now() - start;
    }
    const rows = events * stepsPerEvent * keys.length;
    figure('projection.points_per_s', rows / (busyMs / 1_000), 'points/s', `${rows} points, ${keys.length} keys, apply() of 100 k points`);
    figure('raw.points_per_s', await rawInserts(rig), 'rows/s', 'raw Native inserts of 100 k rows of the same table, prepared before');
    await chart(rig, events * stepsPerEvent);
    await band(rig);
    const size = await rig.client.query(
      `SELECT toFloat64(sum(bytes_on_disk)) AS b FROM system.parts WHERE active AND database = currentDatabase() AND table LIKE 'g1_%'`,
    );
    figure('metrics.bytes_per_point', size.f64('b')[0]! / (rows + ranks * 1_000), 'B', 'all tables, as merged so far');
  } finally {
    await rig.close();
  }
}

type Rig = Awaited<ReturnType<typeof openMetricsRig>>;

async function rawInserts(rig: Rig): Promise<number> {
  await rig.client.command('CREATE TABLE raw AS g1_points');
  const n = 100_000;
  const column = (name: string, type: string, data: BigUint64Array | BigInt64Array | Float64Array): { name: string; type: string; data: typeof data } => ({ name, type, data });
  const start = performance.now();
  for (let round = 0; round < 10; round++) {
    await rig.client.insertNative(
      'raw',
      [
        column('run', 'UInt64', new BigUint64Array(n).fill(nameHash('raw'))),
        column('series', 'UInt64', new BigUint64Array(n).fill(BigInt(round))),
        column('step', 'Int64', BigInt64Array.from({ length: n }, (_, i) => BigInt(i))),
        column('value', 'Float64', Float64Array.from({ length: n }, (_, i) => noise(i))),
      ],
      n,
    );
  }
  return (10 * n) / ((performance.now() - start) / 1_000);
}

async function quantiles(times: number, work: (index: number) => Promise<unknown>): Promise<{ p50: number; p95: number }> {
  await work(0);
  const took: number[] = [];
  for (let index = 0; index < times; index++) {
    const start = performance.now();
    await work(index);
    took.push(performance.now() - start);
  }
  took.sort((a, b) => a - b);
  return { p50: took[times >> 1]!, p95: took[Math.floor(times * 0.95)]! };
}

async function chart(rig: Rig, steps: number): Promise<void> {
  const whole = await quantiles(40, (i) => rig.store.series({ run: 'long', keys: [keys[i % 10]!], x: 'step', buckets: 1_000 }));
  figure('chart.p95_ms', whole.p95, 'ms', `1,000 buckets over ${steps} steps of one series; p50 ${whole.p50.toFixed(1)}`);
  const part = await quantiles(40, (i) => rig.store.series({ run: 'long', keys: [keys[i % 10]!], x: 'step', buckets: 1_000, from: steps / 3 + i, to: steps / 2 }));
  figure('chart.window.p95_ms', part.p95, 'ms', `a sixth of it; p50 ${part.p50.toFixed(1)}`);
}

async function band(rig: Rig): Promise<void> {
  const steps = Array.from({ length: 1_000 }, (_, step) => step);
  for (let rank = 0; rank < ranks; rank += 100) {
    const some = Array.from({ length: Math.min(100, ranks - rank) }, (_, i) => rank + i);
    await rig.write(some.map((one) => points({ run: 'wide', rank: one, seq: 1, steps, values: { loss: steps.map(noise) } })));
  }
  const took = await quantiles(20, () => rig.store.band({ run: 'wide', key: 'loss', buckets: 500 }));
  figure('band.p95_ms', took.p95, 'ms', `${ranks} ranks x 1,000 steps, 500 buckets; p50 ${took.p50.toFixed(1)}`);
}

await main();

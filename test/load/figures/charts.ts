import type { StoredRecord } from '#libs/log/event-log.js';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import type { SeriesQuery } from '#libs/metrics/metric-store.js';
import { openMetricsRig, type MetricsRig } from '#libs/metrics/test/metrics-rig.js';
import { quantile, round, type Bench } from './figure.js';
import { keyNames, trainerBlock } from './trainer.js';

const keys = 20;
const stepsPerEvent = 1_000;
const eventsPerBatch = 20;
const ranks = 1_024;
const partition = { topic: 'telemetry', partition: 0 } as const;

/** The metric store alone: questions over its port, filled by its projection. */
export async function measureCharts(bench: Bench): Promise<void> {
  const points = bench.quick ? 10e6 : 100e6;
  const rig = await openMetricsRig();
  try {
    const steps = points / keys;
    const filledMs = await fill(rig, steps / stepsPerEvent, bench);
    await settled(rig);
    const bytes = await tableBytes(rig);
    bench.print(
      'metrics.bytes_per_point',
      bytes / points,
      'B/point',
      `${points / 1e6} M points, ${keys} noisy float32 curves x ${steps} steps, clock and rollups included, after merges; projected at ${round(points / (filledMs / 1e3))} points/s`,
    );
    await charts(bench, rig, steps);
    await band(bench, rig);
  } finally {
    await rig.close();
  }
}

function recordOf(run: string, rank: number, seq: number, offset: number, from: number, count: number): StoredRecord {
  const writer = { id: `w${rank}`, attempt: 1, rank, seq };
  const head = {
    id: `${run}-${rank}-${seq}`,
    source: 'bench',
    subject: run,
    timeMs: 1_767_225_600_000,
    writer,
    reply: false,
  };
  const block = trainerBlock(from, count, run === 'wide' ? 1 : keys);
  return {
    ...toRecord(encodeEvent(head, 'PointsLogged', { blocks: [block] }), () => 1),
    offset,
    appendedAt: head.timeMs,
  };
}

async function fill(rig: MetricsRig, events: number, bench: Bench): Promise<number> {
  const live = await rig.family.live();
  const { epoch } = await live.claim(partition);
  let busyMs = 0;
  for (let from = 0; from < events; from += eventsPerBatch) {
    const to = Math.min(events, from + eventsPerBatch);
    const records = Array.from({ length: to - from }, (_, i) =>
      recordOf('long', 0, from + i + 1, from + i, (from + i) * stepsPerEvent, stepsPerEvent),
    );
    const startedAt = performance.now();
    await live.apply({ partition, epoch, from, to, records });
    busyMs += performance.now() - startedAt;
    if (to % 1_000 === 0) bench.say(`charts: ${(to * stepsPerEvent * keys) / 1e6} M points projected`);
  }
  return busyMs;
}

/** Until the engine has nothing left to merge, half a minute at most. */
async function settled(rig: MetricsRig): Promise<void> {
  for (let index = 0, quiet = 0; index < 120 && quiet < 8; index++) {
    const merges = await rig.client.query('SELECT toFloat64(count()) AS n FROM system.merges');
    quiet = merges.f64('n')[0] === 0 ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function tableBytes(rig: MetricsRig): Promise<number> {
  const size = await rig.client.query(
    `SELECT toFloat64(sum(bytes_on_disk)) AS b FROM system.parts WHERE active AND database = currentDatabase() AND table LIKE 'g1_%'`,
  );
  return size.f64('b')[0]!;
}

async function charts(bench: Bench, rig: MetricsRig, steps: number): Promise<void> {
  const names = keyNames(keys);
  const any = (index: number): string[] => [names[index % keys]!];
  const kinds: Readonly<Record<string, (index: number) => Partial<SeriesQuery>>> = {
    whole: (i) => ({ keys: any(i) }),
    'a sixth': (i) => ({ keys: any(i), from: steps / 3 + i, to: steps / 2 }),
    '3,000 steps': (i) => ({ keys: any(i), from: steps / 2 + i * 97, to: steps / 2 + i * 97 + 3_000 }),
    'four keys': (i) => ({ keys: [0, 1, 2, 3].map((k) => names[(i + k) % keys]!) }),
    'over time': (i) => ({ keys: any(i), x: 'time' }),
  };
  const all: number[] = [];
  const parts: string[] = [];
  for (const [kind, of] of Object.entries(kinds)) {
    const took = await times(bench.quick ? 20 : 40, (i) =>
      rig.store.series({ run: 'long', keys: [], x: 'step', buckets: 1_000, countless: true, ...of(i) }),
    );
    all.push(...took);
    parts.push(`${kind} ${round(quantile(took, 0.5))}/${round(quantile(took, 0.95))}`);
  }
  bench.print(
    'chart.p95_ms',
    quantile(all, 0.95),
    'ms',
    `MetricStore.series as a chart asks for it, 1,000 buckets, no counts, ${(steps * keys) / 1e6} M points in ${keys} curves; p50/p95 by kind: ${parts.join(', ')}`,
  );
}

async function band(bench: Bench, rig: MetricsRig): Promise<void> {
  const live = await rig.family.live();
  const { epoch, position } = await live.claim(partition);
  const records = Array.from({ length: ranks }, (_, rank) => recordOf('wide', rank, 1, position + rank, 0, 1_000));
  for (let from = 0; from < ranks; from += 128) {
    const some = records.slice(from, from + 128);
    await live.apply({ partition, epoch, from: position + from, to: position + from + some.length, records: some });
  }
  const took = await times(30, () => rig.store.band({ run: 'wide', key: 'train/loss', buckets: 500 }));
  bench.print(
    'band.p95_ms',
    quantile(took, 0.95),
    'ms',
    `MetricStore.band, ${ranks} ranks x 1,000 steps in 500 buckets; p50 ${round(quantile(took, 0.5))}`,
  );
}

async function times(count: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  await work(count);
  const took: number[] = [];
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now();
    await work(index);
    took.push(performance.now() - startedAt);
  }
  return took;
}

import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import { openMetricsRig } from '#libs/metrics/test/metrics-rig.js';
import { readFileSync, readdirSync } from 'node:fs';
import { keyNames, trainerBlock } from './figures/trainer.js';
const cpuOf = (pid: number) => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(f[11]) + Number(f[12])) * 10;
};
const engine = () =>
  readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .map(Number)
    .find((pid) => {
      try {
        return (
          Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) === process.pid &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-child')
        );
      } catch {
        return false;
      }
    })!;
const rig = await openMetricsRig();
const pid = engine();
const live = await rig.family.live();
const partition = { topic: 'telemetry', partition: 0 } as const;
const M = Number(process.argv[2] ?? 10),
  keys = 20,
  steps = (M * 1e6) / keys;
const { epoch } = await live.claim(partition);
let pos = 0;
const rec = (run: string, rank: number, seq: number, offset: number, from: number, n: number, k: number) => ({
  ...toRecord(
    encodeEvent(
      {
        id: `${run}-${rank}-${seq}`,
        source: 'b',
        subject: run,
        timeMs: 1767225600000,
        writer: { id: `w${rank}`, attempt: 1, rank, seq },
        reply: false,
      },
      'PointsLogged',
      { blocks: [trainerBlock(from, n, k)] },
    ),
    () => 1,
  ),
  offset,
  appendedAt: 1,
});
for (let f = 0; f < steps / 1000; f += 50) {
  const records = Array.from({ length: 50 }, (_, i) => rec('long', 0, f + i + 1, pos + i, (f + i) * 1000, 1000, keys));
  await live.apply({ partition, epoch, from: pos, to: pos + 50, records });
  pos += 50;
}
for (let f = 0; f < 1024; f += 128) {
  const records = Array.from({ length: 128 }, (_, i) => rec('wide', f + i, 1, pos + i, 0, 1000, 1));
  await live.apply({ partition, epoch, from: pos, to: pos + 128, records });
  pos += 128;
}
await new Promise((r) => setTimeout(r, 6000));
const b = await rig.client.query(
  `SELECT toFloat64(sum(bytes_on_disk)) AS b FROM system.parts WHERE active AND table LIKE 'g1_%'`,
);
console.log('bytes/pt', b.f64('b')[0]! / (M * 1e6 + 1024000));
const pc = await rig.client.query(
  `SELECT table, column, toFloat64(sum(column_data_compressed_bytes)) AS b FROM system.parts_columns WHERE active AND table LIKE 'g1_%' GROUP BY table, column HAVING b > ${M} * 5e3 ORDER BY b DESC`,
);
pc.texts('column').forEach((t, i) =>
  console.log('  ', pc.texts('table')[i], t, (pc.f64('b')[i]! / M / 1e6).toFixed(3)),
);
const names = keyNames(keys);
const time = async (what: string, work: (i: number) => Promise<unknown>, n = 15) => {
  await work(99);
  const e0 = cpuOf(pid),
    c0 = process.cpuUsage(),
    t: number[] = [];
  for (let i = 0; i < n; i++) {
    const t0 = performance.now();
    await work(i);
    t.push(performance.now() - t0);
  }
  t.sort((x, y) => x - y);
  const c = process.cpuUsage(c0);
  console.log(
    what.padEnd(14),
    'engine cpu ms',
    ((cpuOf(pid) - e0) / n).toFixed(0),
    'node cpu ms',
    ((c.user + c.system) / 1e3 / n).toFixed(1),
    'wall min/p50/max',
    t[0]!.toFixed(0),
    t[n >> 1]!.toFixed(0),
    t.at(-1)!.toFixed(0),
  );
};
const s = (q: any) => rig.store.series({ run: 'long', keys: [], x: 'step', buckets: 1000, ...q });
await time('select 1', () => rig.client.query('SELECT 1 AS n'));
await time('whole', (i) => s({ keys: [names[i % keys]!] }));
await time('sixth', (i) => s({ keys: [names[i % keys]!], from: steps / 3 + i, to: steps / 2 }));
await time('3000 steps', (i) =>
  s({ keys: [names[i % keys]!], from: steps / 2 + i * 97, to: steps / 2 + i * 97 + 3000 }),
);
await time('four keys', (i) => s({ keys: [0, 1, 2, 3].map((k) => names[(i + k) % keys]!) }));
await time('time whole', (i) => s({ keys: [names[i % keys]!], x: 'time' }), 6);
const t0 = Date.parse('2026-01-01T00:00:00Z');
await time(
  'time 3000',
  (i) => s({ keys: [names[i % keys]!], x: 'time', from: t0 + steps * 50, to: t0 + steps * 50 + 300000 }),
  6,
);
await time('band', () => rig.store.band({ run: 'wide', key: 'train/loss', buckets: 500 }));

const { bucketsByRank, planBuckets } = await import('#libs/metrics/bucket-plan.js');
const { selectBuckets } = await import('#libs/metrics/series-columns.js');
const { readSeriesFacts, visibleRanges } = await import('#libs/metrics/visible-steps.js');
const table = ((n: string) => `g1_${n}`) as any;
await time('facts', (i) => readSeriesFacts(rig.client, table, { run: 'long', keys: [names[i % keys]!] }));
const facts = (await readSeriesFacts(rig.client, table, { run: 'long', keys: [names[3]!] }))[0]!;
const ranges = visibleRanges(facts, {});
const plan = planBuckets(ranges, 1000, false);
console.log(plan);
const sql = selectBuckets(bucketsByRank({ table, facts, ranges, plan }));
await time('buckets', () => rig.client.query(sql));
await time('buckets 1thr', () => rig.client.query(sql, { settings: { max_threads: 1 } }));
const noCount = selectBuckets(bucketsByRank({ table, facts, ranges, plan, clock: true }));
await time('no count', () => rig.client.query(noCount));
await time('no count 1thr', () => rig.client.query(noCount, { settings: { max_threads: 1 } }));
await time('explain', () => rig.client.query(`SELECT count() AS n FROM (EXPLAIN PIPELINE ${sql})`));

for (const [name, settings] of Object.entries({
  old: { enable_analyzer: 0 },
  noJit: { compile_expressions: 0, compile_aggregate_expressions: 0 },
  noJit1: { compile_expressions: 0, compile_aggregate_expressions: 0, max_threads: 1 },
  old1: { enable_analyzer: 0, max_threads: 1 },
  noproj: { optimize_use_projections: 0, query_plan_optimize_prewhere: 0 },
  noopt: { query_plan_enable_optimizations: 0 },
  noskip: { use_skip_indexes: 0, use_query_condition_cache: 0 },
  cond: { use_query_condition_cache: 1 },
  wend: { wait_end_of_query: 0 },
}) as any) {
  await time('buckets ' + name, () =>
    rig.client.query(sql, { settings }).catch((e) => console.log(e.message.slice(0, 200))),
  );
}
const bandFacts = (await readSeriesFacts(rig.client, table, { run: 'wide', keys: ['train/loss'] }))[0]!;
const br = visibleRanges(bandFacts, {});
const bp = planBuckets(br, 500, false, 1);
const { selectBand } = await import('#libs/metrics/band-columns.js');
const bsql = selectBand(bucketsByRank({ table, facts: bandFacts, ranges: br, plan: bp }), bp.origin, bp.width);
console.log(bp, bsql);
for (const [name, settings] of Object.entries({
  band: {},
  old: { enable_analyzer: 0 },
  one: { max_threads: 1 },
  two: { group_by_two_level_threshold: 1000000000 },
}) as any)
  await time('band ' + name, () => rig.client.query(bsql, { settings }));
await time('band inner', () =>
  rig.client.query(`SELECT sum(lo) AS n FROM (${bucketsByRank({ table, facts: bandFacts, ranges: br, plan: bp })})`),
);
await time('band read', () =>
  rig.client.query(`SELECT sum(value) AS n FROM g1_points WHERE run = ${bandFacts.run} AND series = ${bandFacts.hash}`),
);
await time('band 1thr', () => rig.client.query(`SELECT 1 AS n`));
await rig.close();

import { openMetricsRig } from '#libs/metrics/test/metrics-rig.js';
import { tableNames, tableOf } from '#libs/metrics/clickhouse-schema.js';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import { trainerBlock } from './figures/trainer.js';
import { readFileSync, readdirSync } from 'node:fs';
const cpuOf = (pid: number) => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(f[11]) + Number(f[12])) / 100;
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
const live = await rig.family.live();
const pid = engine();
const { epoch } = await live.claim({ topic: 'telemetry', partition: 0 });
const M = Number(process.argv[2] ?? 10);
let pos = 0;
const c0 = cpuOf(pid),
  p0 = process.cpuUsage();
let prep = 0;
for (let b = 0; b < M * 2; b++) {
  const a0 = process.cpuUsage();
  const records = Array.from({ length: 50 }, (_, i) => {
    const n = b * 50 + i;
    const rank = n % 64,
      seq = Math.floor(n / 64) + 1;
    const head = {
      id: `r-${rank}-${seq}`,
      source: 'bench',
      subject: 'r',
      timeMs: 1767225600000,
      writer: { id: `w${rank}`, attempt: 1, rank, seq },
      reply: false,
    };
    return {
      ...toRecord(encodeEvent(head, 'PointsLogged', { blocks: [trainerBlock((seq - 1) * 500, 500, 20)] }), () => 1),
      offset: pos + i,
      appendedAt: 1,
    };
  });
  const a1 = process.cpuUsage(a0);
  prep += a1.user + a1.system;
  await live.apply({ partition: { topic: 'telemetry', partition: 0 }, epoch, from: pos, to: pos + 50, records });
  pos += 50;
}
const p1 = process.cpuUsage(p0);
const N = M * 1e6;
console.log(
  'fill engine us/pt',
  (((cpuOf(pid) - c0) / N) * 1e6).toFixed(3),
  'node us/pt',
  ((p1.user + p1.system - prep) / N).toFixed(3),
);
await new Promise((r) => setTimeout(r, 8000));
console.log('after merges engine us/pt', (((cpuOf(pid) - c0) / N) * 1e6).toFixed(3));
const parts = await rig.client.query(
  `SELECT table, toFloat64(count()) AS n, toFloat64(sum(rows)) AS r, toFloat64(sum(bytes_on_disk)) AS b FROM system.parts WHERE active AND database=currentDatabase() GROUP BY table`,
);
parts
  .texts('table')
  .forEach((t, i) => console.log(t, parts.f64('n')[i], parts.f64('r')[i], ((parts.f64('b')[i] ?? 0) / N).toFixed(3)));
const pc = await rig.client.query(
  `SELECT column, toFloat64(sum(column_data_compressed_bytes)) AS b FROM system.parts_columns WHERE active AND table='g1_points' GROUP BY column`,
);
pc.texts('column').forEach((t, i) => console.log('  ', t, (pc.f64('b')[i]! / N).toFixed(3)));
for (const name of tableNames) {
  const t0 = performance.now(),
    e0 = cpuOf(pid);
  await rig.client.query(
    `SELECT hex(groupBitXor(hash)) AS a, hex(sum(hash)) AS b FROM (SELECT cityHash64(*) AS hash FROM ${tableOf(1, name)} FINAL)`,
  );
  if (performance.now() - t0 > 200)
    console.log('digest', name, (performance.now() - t0).toFixed(0), 'ms cpu', (cpuOf(pid) - e0).toFixed(2));
}
for (const [what, q] of Object.entries({
  hash: `SELECT sum(hash) AS a FROM (SELECT cityHash64(*) AS hash FROM g1_points)`,
  sip: `SELECT sum(hash) AS a FROM (SELECT sipHash64(*) AS hash FROM g1_points)`,
  xx: `SELECT sum(hash) AS a FROM (SELECT xxHash64(run,series,attempt,rank,step,ord,value,time,version) AS hash FROM g1_points)`,
  finalOnly: `SELECT sum(version) AS a, sum(value) AS b FROM g1_points FINAL`,
  inorder:
    `SELECT sum(hash) AS a FROM (SELECT DISTINCT run, series, attempt, rank, step, ord, value, time, version FROM g1_points)`.replace(
      'sum(hash)',
      'count()',
    ),
})) {
  const e0 = cpuOf(pid),
    t0 = performance.now();
  await rig.client.query(q).catch((e) => console.log(e.message.slice(0, 200)));
  console.log(what, (performance.now() - t0).toFixed(0), 'ms cpu', (cpuOf(pid) - e0).toFixed(2));
}
await rig.close();

import { readFileSync, readdirSync } from 'node:fs';
import { flood, floodPoints } from './figures/ingest.js';
import { queryable } from './figures/served.js';
import { openServerRig } from '../rigs/server-rig.js';
const cpuOf = (pid: number) => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(f[11]) + Number(f[12])) / 100;
};
const childOf = (ppid: number) =>
  readdirSync('/proc')
    .filter((n) => /^\d+$/.test(n))
    .map(Number)
    .find((pid) => {
      try {
        return (
          Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) === ppid &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-child')
        );
      } catch {
        return false;
      }
    })!;
const requests = Number(process.argv[2] ?? 10);
const threads = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((t) => {
    const f = readFileSync(`/proc/${pid}/task/${t}/stat`, 'utf8');
    const n = /\((.*)\)/.exec(f)![1]!;
    const g = f.split(') ')[1]!.split(' ');
    return [n, (Number(g[11]) + Number(g[12])) / 100] as const;
  });
const rig = await openServerRig(
  process.env['PROF']
    ? { NODE_OPTIONS: '--import /tmp/prof-preload.mjs', PROFDIR: process.env['PROF'] }
    : process.env['SEMI']
      ? { NODE_OPTIONS: '--max-semi-space-size=' + process.env['SEMI'] }
      : {},
);
const { url, pid } = rig.server;
const engine = childOf(pid);
await flood(url, 'warm', 2);
await queryable(url);
const s0 = cpuOf(pid),
  e0 = cpuOf(engine);
const t0 = new Map(threads(pid).map(([n, c], i) => [`${i}${n}`, c]));
if (process.env['PROF']) process.kill(pid, 'SIGUSR2');
const { startedAt, durableAt } = await flood(url, 'flood', requests);
const d1 = cpuOf(pid),
  de = cpuOf(engine);
await queryable(url);
const end = performance.timeOrigin + performance.now();
const total = floodPoints(requests);
console.log(
  JSON.stringify({
    total,
    durable: (total / (durableAt - startedAt)) * 1e3,
    queryable: (total / (end - startedAt)) * 1e3,
    wall: (end - startedAt) / 1e3,
    serverCpu: cpuOf(pid) - s0,
    engineCpu: cpuOf(engine) - e0,
    serverCpuDurable: d1 - s0,
    engDurable: de - e0,
    usPerPoint: { server: ((cpuOf(pid) - s0) / total) * 1e6, engine: ((cpuOf(engine) - e0) / total) * 1e6 },
  }),
);
console.log(
  threads(pid)
    .map(([n, c], i) => [n, +(c - (t0.get(`${i}${n}`) ?? 0)).toFixed(2)])
    .filter(([, c]) => (c as number) > 0.05)
    .join(' | '),
);
if (process.env['PROF']) {
  process.kill(pid, 'SIGUSR2');
  await new Promise((r) => setTimeout(r, 2000));
}
await rig.close();

import { readFileSync, readdirSync } from 'node:fs';
import { Generator } from './figures/processes.js';
import { openSocket } from '../rigs/client.js';
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
const threads = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((t) => {
    const f = readFileSync(`/proc/${pid}/task/${t}/stat`, 'utf8');
    const n = /\((.*)\)/.exec(f)![1]!;
    const g = f.split(') ')[1]!.split(' ');
    return [t + n, (Number(g[11]) + Number(g[12])) / 100] as const;
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
const writers = Number(process.argv[2] ?? 1024);
const load = Generator.typescript('./post-points.ts', [url, 'live', 'pace', String(writers), '10', '10', '20']);
const ages: number[] = [];
const socket = openSocket(url);
await load.next();
const begin = performance.timeOrigin + performance.now() + 4000;
socket.subscribe<any>(
  {
    query: 'subscription($run: ID!, $keys: [String!]) { metricFrames(run: $run, keys: $keys) { frame } }',
    variables: { run: 'live', keys: ['sent'] },
  },
  {
    next: ({ data }: any) => {
      const at = performance.timeOrigin + performance.now();
      if (!data || data.metricFrames.frame.snapshot) return;
      for (const { value } of data.metricFrames.frame.series) for (const s of value) if (s > begin) ages.push(at - s);
    },
    error: console.error,
    complete: () => undefined,
  },
);
await new Promise((r) => setTimeout(r, 6000));
const s0 = cpuOf(pid),
  e0 = cpuOf(engine),
  g0 = cpuOf(load.child.pid!),
  t0 = new Map(threads(pid)),
  w0 = performance.now();
if (process.env['PROF']) process.kill(pid, 'SIGUSR2');
await new Promise((r) => setTimeout(r, 8000));
const w = (performance.now() - w0) / 1e3;
console.log(
  JSON.stringify({
    serverCores: (cpuOf(pid) - s0) / w,
    engineCores: (cpuOf(engine) - e0) / w,
    genCores: (cpuOf(load.child.pid!) - g0) / w,
  }),
);
console.log(
  threads(pid)
    .map(([n, c]) => [n, +((c - (t0.get(n) ?? 0)) / w).toFixed(2)])
    .filter(([, c]) => (c as number) > 0.02)
    .join(' | '),
);
if (process.env['PROF']) {
  process.kill(pid, 'SIGUSR2');
  await new Promise((r) => setTimeout(r, 2000));
}
console.log(JSON.stringify(await load.next()));
ages.sort((a, b) => a - b);
console.log('post->viewer p50', ages[ages.length >> 1], 'p99', ages[Math.floor(ages.length * 0.99)], ages.length);
console.log('rss', readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:.*/)![0]);
socket.dispose();
load.stop();
await rig.close();
process.exit(0);

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gql } from '../../rigs/client.js';
import { root } from './processes.js';
import { median, round, type Bench } from './figure.js';

const main = join(root, 'dist/services/main.js');
const settleMs = 10_000;

/** The built program: from its start in an empty folder to the first answered query, and what it holds when idle. */
export async function measureStart(bench: Bench): Promise<void> {
  if (!existsSync(main)) throw new Error('dist/ is not there; run "npm run build" first');
  const rounds = bench.quick ? 3 : 7;
  const cold: number[] = [];
  const again: number[] = [];
  let idle = Number.NaN;
  for (let index = 0; index < rounds; index++) {
    const dir = mkdtempSync(join(tmpdir(), 'runstream-start-'));
    try {
      const first = await startOnce(dir);
      cold.push(first.ms);
      if (index === 0) {
        await new Promise((resolve) => setTimeout(resolve, settleMs));
        idle = residentMb(first.child.pid!);
      }
      await end(first.child);
      const second = await startOnce(dir);
      again.push(second.ms);
      await end(second.child);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  bench.print(
    'start.ms',
    median(cold),
    'ms',
    `node dist/services/main.js in an empty folder to the first answered query, median of ${rounds}; on an existing folder ${round(median(again))} ms`,
  );
  bench.print(
    'idle.rss_mb',
    idle,
    'MB',
    `server and engine child together, ${settleMs / 1_000} s after a start without load`,
  );
}

async function startOnce(dir: string): Promise<{ child: ChildProcess; ms: number }> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, [main, 'start'], {
    env: { ...process.env, RUNSTREAM_DATA: dir, RUNSTREAM_PORT: String(port) },
    stdio: 'ignore',
  });
  for (;;) {
    try {
      await gql(`http://127.0.0.1:${port}`, '{ runs(first: 1) { totalCount } }');
      return { child, ms: performance.now() - startedAt };
    } catch (error) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.on('close', resolve));
  child.kill('SIGTERM');
  await closed;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Resident memory of a process and all below it. */
function residentMb(pid: number): number {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);
  const of = (id: number): number =>
    rows.filter(([own]) => own === id).reduce((sum, [, , kb]) => sum + kb, 0) +
    rows.filter(([, parent]) => parent === id).reduce((sum, [own]) => sum + of(own), 0);
  return of(pid) / 1_024;
}

import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { entryPoint } from '#libs/config/entry-point.js';
import { openHub } from './all-reduce.js';
import { weightCount } from './model.js';

/** What the launcher tells a rank. */
export interface Job {
  readonly run: string;
  readonly url: string;
  readonly folder: string;
  readonly ranks: number;
  readonly hidden: number;
  readonly batch: number;
  readonly steps: number;
  readonly paceMs: number;
  /** -1: none */
  readonly straggler: number;
  readonly crashRank: number;
  readonly crashStep: number;
  readonly launch: string;
  readonly port: number;
}

const help = `npm run demo -- [options]: a real data-parallel training of a small network on handwritten digits, streamed live
  --url URL            the server (http://127.0.0.1:7171)
  --ranks N            worker processes (8)
  --seconds S          how long it takes about (75)
  --epochs N           how many passes over the data instead; then --pace MS is the time of a step (150)
  --straggler[=RANK]   one rank is slow (5)
  --crash[=STEP]       one rank is killed at that step

When a rank is killed, by this or by your kill -9, the job starts again from its checkpoint as a new attempt.
Ctrl-C ends the training after its next step and keeps what it has learned; a second one stops the job where it is.
`;
const attemptsMax = 5;
/** npm hands on a Ctrl-C that the terminal has already given us; within this time it is the same one. */
const sameCtrlCMs = 1_000;
const optional = (name: string, fallback: string): string[] =>
  process.argv.slice(2).map((word) => (word === name ? `${name}=${fallback}` : word));
const words = optional('--straggler', '5').map((word) => (word === '--crash' ? '--crash=-2' : word));
const text = { type: 'string' } as const;
function readOptions() {
  try {
    return parseArgs({
      args: words,
      options: {
        url: text,
        ranks: text,
        seconds: text,
        epochs: text,
        pace: text,
        straggler: text,
        crash: text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    process.exit(2);
  }
}
const values = readOptions();
if (values.help) {
  process.stdout.write(help);
  process.exit(0);
}

const ranks = Number(values.ranks ?? 8);
const paceMs = Number(values.pace ?? 150);
const batch = 16;
const steps = values.epochs
  ? Math.ceil((Number(values.epochs) * 1_437) / (ranks * batch))
  : Math.max(20, Math.round((Number(values.seconds ?? 75) * 1_000) / paceMs));
const crashAsked = values.crash === undefined ? -1 : Number(values.crash);
const crashStep = crashAsked === -2 ? Math.floor(steps * 0.4) : crashAsked;
const bad = Object.entries({ ranks, paceMs, steps, crashStep }).find(([, value]) => !Number.isFinite(value));
if (bad || ranks < 1) {
  process.stderr.write(`${bad?.[0] ?? 'ranks'} is not a number that can be used\n${help}`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'runstream-demo-'));
const base = {
  run: `demo-${randomUUID().slice(0, 8)}`,
  url: (values.url ?? process.env['RUNSTREAM_URL'] ?? 'http://127.0.0.1:7171').replace(/\/$/, ''),
  folder,
  ranks,
  hidden: 48,
  batch,
  steps,
  paceMs,
  straggler: values.straggler === undefined ? -1 : Number(values.straggler),
};

type Ending = 'good' | 'killed' | 'failed';

let children: ChildProcess[] = [];
let enoughAt = 0;
process.on('SIGINT', () => {
  if (enoughAt === 0) {
    enoughAt = performance.now();
    process.stdout.write('ending after the next step; Ctrl-C again to stop at once\n');
    for (const child of children) if (child.connected) child.send('enough');
  } else if (performance.now() - enoughAt > sameCtrlCMs) {
    for (const child of children) child.kill('SIGTERM');
  }
});

/** Starts all ranks and waits until all have ended; when one dies, the others are stopped: they would wait for its gradients for ever. */
async function launchAll(attempt: number): Promise<Ending> {
  const hub = await openHub(ranks, weightCount(base) + 1);
  const { path, execArgv } = entryPoint(import.meta.url, './worker');
  const crashes = attempt === 1 && crashStep >= 0;
  const job: Job = {
    ...base,
    launch: `${base.run}:${attempt}`,
    port: hub.port,
    crashRank: crashes ? Math.min(3, ranks - 1) : -1,
    crashStep,
  };
  children = Array.from({ length: ranks }, (_, rank) =>
    fork(path, [JSON.stringify({ ...job, rank })], { execArgv: [...execArgv] }),
  );
  if (enoughAt > 0) for (const child of children) child.send('enough'); // said while the hub was opened
  process.stdout.write(`ranks are the processes ${children.map(({ pid }) => pid).join(' ')}\n`);
  const endings = await Promise.all(children.map((child, rank) => ended(child, rank, children)));
  hub.close();
  if (endings.every((ending) => ending === 'good')) return 'good';
  return endings.includes('killed') ? 'killed' : 'failed';
}

function ended(child: ChildProcess, rank: number, all: readonly ChildProcess[]): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const good = code === 0 || code === 2;
      if (signal === 'SIGKILL') process.stdout.write(`rank ${rank} was killed; the job is stopped\n`);
      if (!good) for (const other of all) if (other.exitCode === null) other.kill('SIGTERM');
      if (signal === 'SIGKILL') resolve('killed');
      else resolve(good ? 'good' : 'failed');
    });
  });
}

process.stdout.write(`watch it live: ${base.url}/runs/${base.run}\n`);
process.stdout.write(
  `${ranks} ranks, ${steps} steps of ${paceMs} ms${base.straggler >= 0 ? `, rank ${base.straggler} is slow` : ''}${crashStep >= 0 ? `, one is killed at step ${crashStep}` : ''}\n`,
);
let attempt = 1;
let ending = await launchAll(attempt);
while (ending === 'killed' && attempt < attemptsMax && enoughAt === 0) {
  attempt += 1;
  process.stdout.write(`starting again from the checkpoint, as attempt ${attempt}\n`);
  ending = await launchAll(attempt);
}
const good = ending === 'good';
if (good) rmSync(folder, { recursive: true, force: true });
process.stdout.write(
  good ? `finished: ${base.url}/runs/${base.run}\n` : `failed; what is not delivered is in ${folder}/spool\n`,
);
process.exitCode = good ? 0 : 1;

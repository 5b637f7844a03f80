import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSocket, postEvents, started } from '../../rigs/client.js';
import type { ServerRig } from '../../rigs/embedded-rig.js';
import { cpuSeconds } from './cpu-seconds.js';
import { median, quantile, type Bench } from './figure.js';
import { watch } from './live.js';
import { root } from './processes.js';
import { countPoints, queryable, withServer } from './served.js';

const venv = join(root, 'node_modules/.cache/wandb');
const script = join(root, 'test/load/figures/wandb_client.py');

interface Said {
  readonly ms: readonly number[];
  readonly points?: number;
  readonly found?: number;
}
type Environment = Readonly<Record<string, string>>;

/** W&B's unmodified client against Runstream, and beside it the same client that writes to its own disk only. */
export async function measureWandb(bench: Bench): Promise<void> {
  if (!existsSync(join(venv, 'ready'))) throw new Error('the client is not installed: npm test does it, with CI=true');
  const dir = mkdtempSync(join(tmpdir(), 'runstream-bench-wandb-'));
  try {
    await withServer((rig) => writes(bench, rig, dir));
    await withServer((rig) => reads(bench, rig, dir));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function environment(url: string, dir: string, more: Environment = {}): NodeJS.ProcessEnv {
  const folders = { WANDB_DIR: dir, WANDB_CONFIG_DIR: dir, WANDB_CACHE_DIR: dir, WANDB_DATA_DIR: dir };
  const key = { WANDB_BASE_URL: `${url}/wandb`, WANDB_API_KEY: `local-${'0123456789'.repeat(4)}` };
  return { ...process.env, ...folders, ...key, WANDB_ERROR_REPORTING: 'false', ...more };
}

/** `onLine`: what it says before it ends. */
async function client(
  env: NodeJS.ProcessEnv,
  args: readonly (string | number)[],
  onLine: (line: string) => void = () => undefined,
): Promise<Said> {
  const child = spawn(join(venv, 'bin/python'), [script, ...args.map(String)], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    for (const line of chunk.toString().split('\n')) if (line !== '') onLine(line);
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`W&B's client ended with ${code}`);
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as Said;
}

async function writes(bench: Bench, { server }: ServerRig, dir: string): Promise<void> {
  const { url } = server;
  const [steps, keys] = [bench.quick ? 500 : 2_000, 100];
  const shape = `${keys} metrics x ${steps} steps`;
  const offline = await client(environment(url, dir, { WANDB_MODE: 'offline' }), ['log', 'offline', steps, keys]);
  for (const [name, count] of [
    ['one', 1],
    ['eight', 8],
  ] as const) {
    const before = cpuSeconds(server.pid);
    const begun = performance.now();
    const runs = Array.from({ length: count }, (_, index) => `${name}${index}`);
    const said = await Promise.all(runs.map((run) => client(environment(url, dir), ['log', run, steps, keys])));
    await queryable(url);
    const seconds = (performance.now() - begun) / 1_000;
    const cpu = cpuSeconds(server.pid) - before;
    const points = count * steps * keys;
    let counted = 0;
    for (const run of runs) counted += await countPoints(url, `bench.${run}`);
    if (counted < points) throw new Error(`${counted} of ${points} points are there`);
    const note = `${count} process(es), ${shape}, from the start of the client until queryable: ${seconds.toFixed(1)} s`;
    const print = (figure: string, value: number, unit: string): void =>
      bench.print(`wandb.${name}.${figure}`, value, unit, note);
    print('points_per_s', points / seconds, 'points/s');
    print('cpu_s_per_m', (cpu / points) * 1e6, 's');
    if (count > 1) continue;
    for (const [figure, q] of [
      ['log_p50_ms', 0.5],
      ['log_p99_ms', 0.99],
    ] as const) {
      bench.print(`wandb.${figure}`, quantile(said[0]!.ms, q), 'ms', `run.log() of ${keys} metrics, here`);
      bench.print(`wandb.offline.${figure}`, quantile(offline.ms, q), 'ms', `the same with WANDB_MODE=offline`);
    }
  }
  await live(bench, url, dir, 'live', {});
  await live(bench, url, dir, 'live1s', { WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL: '1' });
}

/** From log() to a subscriber: the time at which a value was logged is the value. */
async function live(bench: Bench, url: string, dir: string, run: string, more: Environment): Promise<void> {
  const seconds = bench.quick ? 20 : 60;
  const socket = openSocket(url);
  let ages: readonly number[] = [];
  try {
    await client(environment(url, dir, more), ['live', run, seconds * 10, 1], (line) => {
      if (line.includes('"run"')) ages = watch(socket, `bench.${run}`, 'sent', Date.now());
    });
    const interval = more['WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL'] ?? '15';
    const note = `log() to a graphql-ws subscriber, ${ages.length} values, the client sends every ${interval} s`;
    bench.print(`wandb.${run}.p50_ms`, median(ages), 'ms', note);
    bench.print(`wandb.${run}.p99_ms`, quantile(ages, 0.99), 'ms', note);
  } finally {
    await socket.dispose();
  }
}

async function reads(bench: Bench, { server: { url } }: ServerRig, dir: string): Promise<void> {
  const rows = bench.quick ? 20_000 : 1_000_000;
  await client(environment(url, dir), ['log', 'long', rows, 1]);
  const history = await client(environment(url, dir), ['history', 'long', 1, 1]);
  bench.print(
    'wandb.history.s',
    history.ms[0]! / 1_000,
    's',
    `scan_history of ${rows} rows of one metric, ${history.points} values`,
  );
  const runs = bench.quick ? 1_000 : 10_000;
  for (let from = 0; from < runs; from += 1_000) {
    const events = Array.from({ length: 1_000 }, (_, index) =>
      started(`searched-${from + index}`, 'searched', null, { params: [{ key: 'lr', json: String(index % 10) }] }),
    );
    const { status } = await postEvents(url, events);
    if (status !== 200) throw new Error(`runs were refused: ${status}`);
  }
  await queryable(url);
  const { ms, found } = await client(environment(url, dir), ['runs', '-', bench.quick ? 10 : 30, 1]);
  bench.print('wandb.runs.p50_ms', median(ms), 'ms', `first 50 of ${runs} runs by config and state, ${found} found`);
}

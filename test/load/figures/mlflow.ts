import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds } from './cpu-seconds.js';
import { withServer } from './served.js';
import { median, quantile, type Bench } from './figure.js';
import { root } from './processes.js';

const version = '3.17.2';
const venv = join(root, 'node_modules/.cache/mlflow-server');
const python = join(venv, 'bin/python');
const script = join(root, 'test/load/figures/mlflow_client.py');

interface Target {
  readonly name: 'runstream' | 'mlflow';
  readonly url: string;
  readonly pid: number;
}

/** The same unmodified client against Runstream and against MLflow's own server (SQLite), one after the other in one run. */
export async function measureMlflow(bench: Bench): Promise<void> {
  installServer(bench);
  await withServer((rig) => measure(bench, { name: 'runstream', url: rig.server.url, pid: rig.server.pid }));
  await withMlflow((url, pid) => measure(bench, { name: 'mlflow', url, pid }));
}

function installServer(bench: Bench): void {
  if (existsSync(join(venv, 'ready'))) return;
  bench.say(`installing mlflow ${version}`);
  const run = (command: string, args: readonly string[]): void => {
    if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) throw new Error(`${command} ${args[1]} failed`);
  };
  run('python3', ['-m', 'venv', venv]);
  run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', `mlflow==${version}`]);
  mkdirSync(join(venv, 'ready'));
}

async function withMlflow(work: (url: string, pid: number) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'mlflow-server-'));
  const port = await freePort();
  const store = ['--backend-store-uri', `sqlite:///${dir}/mlflow.db`, '--artifacts-destination', join(dir, 'files')];
  const args = ['-m', 'mlflow', 'server', ...store, '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
  const server = spawn(python, args, { stdio: 'ignore', detached: true, env: quiet() });
  const url = `http://127.0.0.1:${port}`;
  try {
    await answering(url, server);
    await work(url, server.pid!);
  } finally {
    // with its workers: they are a group of their own
    process.kill(-server.pid!, 'SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  }
}

const quiet = (): NodeJS.ProcessEnv => ({
  ...process.env,
  MLFLOW_DISABLE_TELEMETRY: 'true',
  GIT_PYTHON_REFRESH: 'quiet',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
});

async function answering(url: string, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (server.exitCode !== null) throw new Error(`mlflow server ended with ${server.exitCode}`);
    const ok = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('mlflow server did not answer in two minutes');
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

interface Said {
  readonly ms: readonly number[];
  readonly points?: number;
  readonly found?: number;
}

async function client(url: string, kind: string, count: number): Promise<Said> {
  const child = spawn(python, [script, url, kind, String(count)], {
    env: quiet(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`the MLflow client ended with ${code}`);
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as Said;
}

async function measure(bench: Bench, target: Target): Promise<void> {
  const ours = target.name === 'runstream';
  const print = (figure: string, value: number, unit: string, note: string): void =>
    bench.print(`${target.name}.${figure}`, value, unit, note);
  const scale = bench.quick ? 4 : 1;
  for (const processes of [1, 8]) {
    const calls = Math.ceil((ours ? 240 : 60) / (processes === 1 ? 1 : 4) / scale);
    const before = cpuSeconds(target.pid);
    const started = performance.now();
    const said = await Promise.all(Array.from({ length: processes }, () => client(target.url, 'batch', calls)));
    const seconds = (performance.now() - started) / 1_000;
    const points = processes * calls * 1_000;
    const ms = said.flatMap((each) => each.ms);
    const note = `log_batch of 1,000 metrics, ${processes} client process(es), ${points.toLocaleString('en')} points in ${seconds.toFixed(0)} s`;
    print(
      `batch${processes}.cpu_s_per_m`,
      ((cpuSeconds(target.pid) - before) / points) * 1e6,
      's',
      `server CPU, ${note}`,
    );
    print(`batch${processes}.p50_ms`, median(ms), 'ms', note);
    print(`batch${processes}.p99_ms`, quantile(ms, 0.99), 'ms', note);
  }
  for (const [kind, count, note] of [
    ['metric', 400, 'log_metric'],
    ['create', 200, 'runs/create'],
    ['runs', 30, 'search among 1,000 runs, filter on a metric and a param, order by a metric'],
    ['history', 3, 'get_metric_history of 100,000 points'],
  ] as const) {
    const { ms, points, found } = await client(target.url, kind, Math.max(3, Math.ceil(count / scale)));
    const seen = points === undefined ? (found === undefined ? '' : `, ${found} found`) : `, ${points} read`;
    print(`${kind}.p50_ms`, median(ms), 'ms', `${note}${seen}`);
    print(`${kind}.p99_ms`, quantile(ms, 0.99), 'ms', `${note}${seen}`);
  }
}

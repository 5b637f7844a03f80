import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { endProcess, ended, freePort, spawnOwned } from './processes.js';

const venv = fileURLToPath(new URL('../../node_modules/.cache/mlflow-server', import.meta.url));

/** tools/test.mjs --long installs MLflow's own server from PyPI; without it the comparison is skipped, which fails with CI=true. */
export const mlflowServerInstalled = existsSync(`${venv}/ready`);

export interface MlflowServerRig {
  readonly url: string;
  close(): Promise<void>;
}

const startTimeoutMs = 300_000;

/** MLflow's own server with SQLite and one worker. */
export async function openMlflowServer(): Promise<MlflowServerRig> {
  const dir = await mkdtemp(join(tmpdir(), 'mlflow-server-'));
  const port = await freePort();
  const child = spawnOwned(
    `${venv}/bin/python`,
    [
      ...['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'],
      ...['--backend-store-uri', `sqlite:///${dir}/mlflow.db`, '--artifacts-destination', `${dir}/artifacts`],
    ],
    {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: 'true', MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
    },
  );
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  const until = Date.now() + startTimeoutMs;
  const healthy = (): Promise<boolean> =>
    fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    );
  while (!(await healthy())) {
    if (ended(child) || Date.now() > until) {
      await endProcess(child, 'SIGKILL');
      throw new Error(`MLflow's server did not start:\n${output.slice(-4_000)}`);
    }
    await sleep(200);
  }
  return {
    url,
    close: async () => {
      await endProcess(child, 'SIGTERM');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

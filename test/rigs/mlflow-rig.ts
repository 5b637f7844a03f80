import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const venv = fileURLToPath(new URL('../../node_modules/.cache/mlflow', import.meta.url));
const scripts = fileURLToPath(new URL('../journeys/mlflow/', import.meta.url));
const python = `${venv}/bin/python`;

/** tools/test.mjs installs the client from PyPI; without it these suites are skipped, which fails with CI=true. */
export const mlflowInstalled = existsSync(`${venv}/ready`);

/** Runs MLflow's own client against a server; gives what it printed. */
export async function runMlflow(
  url: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(python, args, {
    cwd: scripts,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      MLFLOW_TRACKING_URI: url,
      MLFLOW_DISABLE_TELEMETRY: 'true',
      // a refusal that is retried for minutes should be seen at once
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: '1',
      GIT_PYTHON_REFRESH: 'quiet',
      PYTHONDONTWRITEBYTECODE: '1',
      ...environment,
    },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0)
    throw new Error(`${args.join(' ')} ended with ${code}:\n${output.slice(-2_000)}\n${errors.slice(-6_000)}`);
  return output;
}

/** The last line a script printed, which is JSON. */
export async function runScript<T>(
  url: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<T> {
  const output = await runMlflow(url, args, environment);
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as T;
}

/** Runs of the experiment "paging", through the endpoints of the client but without its own work for each. */
export async function createMlflowRuns(url: string, count: number): Promise<void> {
  const post = async (path: string, body: unknown): Promise<any> => {
    const response = await fetch(`${url}/api/2.0/mlflow/${path}`, { method: 'POST', body: JSON.stringify(body) });
    expect(response.status, path).toBe(200);
    return response.json();
  };
  const { experiment_id } = await post('experiments/create', { name: 'paging' });
  for (let from = 0; from < count; from += 100) {
    const numbers = Array.from({ length: Math.min(100, count - from) }, (_, i) => from + i);
    await Promise.all(
      numbers.map(async (i) => {
        const created = await post('runs/create', { experiment_id, start_time: 1_700_000_000_000 + (i % 1_000) });
        const { run_id } = created.run.info;
        const metrics = [{ key: 'loss', value: ((i * 7919) % 1_000) / 1_000, timestamp: i, step: 0 }];
        const params = [{ key: 'lr', value: i % 2 === 0 ? '0.1' : '0.2' }];
        await post('runs/log-batch', { run_id, metrics: i % 10 === 9 ? [] : metrics, params });
      }),
    );
  }
}

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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

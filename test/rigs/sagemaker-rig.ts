import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const venv = fileURLToPath(new URL('../../node_modules/.cache/python-sagemaker', import.meta.url));
const scripts = fileURLToPath(new URL('../journeys/sagemaker/', import.meta.url));

/** tools/test.mjs installs AWS's clients from PyPI; without them these suites are skipped, which fails with CI=true. */
export const sagemakerInstalled = existsSync(`${venv}/ready/sagemaker-mlflow`);

export interface AwsPair {
  readonly keyId: string;
  readonly secret: string;
}
/** Where nobody asks who they are. */
export const anybody: AwsPair = { keyId: 'anybody', secret: 'at all' };

/** Runs a program of AWS's own clients against a server; gives the last line it printed, which is JSON. */
export async function runSageMaker<T>(
  url: string,
  program: string | readonly string[],
  { keyId, secret }: AwsPair = anybody,
  environment: Readonly<Record<string, string>> = {},
): Promise<T> {
  const child = spawn(`${venv}/bin/python`, [program].flat(), {
    cwd: scripts,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      AWS_ACCESS_KEY_ID: keyId,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL_SAGEMAKER: `${url}/sagemaker`,
      AWS_ENDPOINT_URL_SAGEMAKER_METRICS: `${url}/sagemaker`,
      AWS_ENDPOINT_URL_S3: `${url}/s3`,
      SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT: url,
      MLFLOW_DISABLE_TELEMETRY: 'true',
      MLFLOW_HTTP_REQUEST_MAX_RETRIES: '1',
      GIT_PYTHON_REFRESH: 'quiet',
      // compiled once for all programs here, and not beside them
      PYTHONPYCACHEPREFIX: `${venv}/compiled`,
      ...environment,
    },
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0)
    throw new Error(
      `${[program].flat().join(' ')} ended with ${code}:\n${output.slice(-2_000)}\n${errors.slice(-6_000)}`,
    );
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as T;
}

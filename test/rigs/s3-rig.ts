import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'minio';
import type { S3Address } from '#libs/config/s3-address.js';
import { freePort } from './processes.js';

export type S3ServerName = 'versitygw' | 'minio';
const tool = fileURLToPath(new URL('../../tools/s3-server.mjs', import.meta.url));
const credentials = { accessKey: 'runstream', secretKey: 'runstream-secret' };
const startTimeoutMs = 180_000;

export interface S3Rig {
  readonly endpoint: string;
  readonly client: Client;
  /** A new empty bucket, as the store's configuration has it. */
  newBucket(): Promise<S3Address>;
  kill(): Promise<void>;
  /** On the same data and port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Where the server's program is; `build: false` gives null instead of building it. */
export function s3Server(name: S3ServerName, { build }: { readonly build: boolean }): string | null {
  const args = [tool, name, ...(build ? [] : ['--kept'])];
  const path = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
  return path === '' ? null : path;
}

/** A real S3 server on loopback with a data folder of its own. Builds it when there is none, which takes minutes once. */
export async function openS3Rig(name: S3ServerName = 'versitygw'): Promise<S3Rig> {
  const program = s3Server(name, { build: true })!;
  const dir = mkdtempSync(join(tmpdir(), `runstream-${name}-`));
  for (const part of ['data', 'versions']) mkdirSync(join(dir, part));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new Client({ endPoint: '127.0.0.1', port, useSSL: false, region: 'us-east-1', ...credentials });
  const log = join(dir, 'server.log');
  let child: ChildProcess | null = null;
  let buckets = 0;
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child!.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  const start = async (): Promise<void> => {
    const out = openSync(log, 'a');
    const started = spawn(program, argumentsOf(name, dir, port), {
      stdio: ['ignore', out, out],
      env: environmentOf(name),
    });
    child = started;
    const end = Date.now() + startTimeoutMs;
    while (!(await healthy(name, endpoint))) {
      const said = (): string => readFileSync(log, 'utf8').slice(-2_000);
      if (started.exitCode !== null) throw new Error(`${name} ended with ${started.exitCode}:\n${said()}`);
      if (Date.now() > end) throw new Error(`${name} does not answer:\n${said()}`);
      await sleep(50);
    }
  };
  process.once('exit', () => child?.kill('SIGKILL'));
  await start();
  return {
    endpoint,
    client,
    kill,
    start,
    newBucket: async () => {
      const bucket = `bucket-${++buckets}`;
      await client.makeBucket(bucket);
      const rest = { publicEndpoint: null, region: 'us-east-1', pathStyle: true, sessionToken: null };
      return { bucket, prefix: 'runstream/', endpoint, ...credentials, ...rest };
    },
    close: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function argumentsOf(name: S3ServerName, dir: string, port: number): readonly string[] {
  const data = join(dir, 'data');
  return name === 'minio'
    ? ['server', data, '--address', `127.0.0.1:${port}`]
    : ['--port', `127.0.0.1:${port}`, '--health', '/health', 'posix', '--versioning-dir', join(dir, 'versions'), data];
}

function environmentOf(name: S3ServerName): NodeJS.ProcessEnv {
  const { accessKey, secretKey } = credentials;
  const own =
    name === 'minio'
      ? { MINIO_ROOT_USER: accessKey, MINIO_ROOT_PASSWORD: secretKey, MINIO_BROWSER: 'off', MINIO_UPDATE: 'off' }
      : { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey };
  return { PATH: process.env['PATH'], HOME: process.env['HOME'], ...own };
}

async function healthy(name: S3ServerName, endpoint: string): Promise<boolean> {
  try {
    const answer = await fetch(`${endpoint}${name === 'minio' ? '/minio/health/ready' : '/health'}`);
    return answer.ok;
  } catch {
    return false;
  }
}

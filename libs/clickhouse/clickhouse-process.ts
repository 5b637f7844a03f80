import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable, Unusable } from '#libs/domain/rejection.js';
import { entryPoint } from '#libs/config/entry-point.js';
import { configXml, usersXml, type EngineSettings } from './clickhouse-config.js';

export interface EngineProcess {
  readonly pid: number;
  readonly url: string;
  /** Kernel's Landlock ABI the engine runs under; 0: not sandboxed. */
  readonly landlockAbi: number;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  kill(): Promise<void>;
}

export interface ProcessOptions extends EngineSettings {
  readonly landlock: boolean;
  /** 0: any free one. */
  readonly port: number;
  readonly startTimeoutMs: number;
  readonly onSpawned?: (() => void) | undefined;
  /** Names the file through which this start tells its port: new for each start, so that no start finds another's. */
  readonly startId: string;
}

const pingTimeoutMs = 2_000;

/** Starts one engine child and resolves when it answers. */
export async function startEngineProcess(options: ProcessOptions): Promise<EngineProcess> {
  const dataDir = join(options.dir, 'data');
  await mkdir(dataDir, { recursive: true });
  const dir = await realpath(options.dir);
  const configFile = join(dir, `config.xml`);
  const usersFile = join(dir, 'users.xml');
  const portFile = join(dir, `port.${options.startId}`);
  const logFile = join(dir, 'engine.log');
  await writeFile(configFile, configXml({ ...options, dir }), { mode: 0o600 });
  await writeFile(usersFile, usersXml({ ...options, dir }), { mode: 0o600 });
  const logStart = await stat(logFile).then(
    (file) => file.size,
    () => 0,
  );
  const child = spawnChild(logFile, [
    dir,
    join(dir, 'data'),
    configFile,
    portFile,
    options.landlock ? 'on' : 'off',
    String(options.port),
  ]);
  options.onSpawned?.();
  let gone = false;
  const exited = new Promise<void>((resolve) => {
    const end = (): void => {
      gone = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  const kill = (): Promise<void> => {
    child.kill('SIGKILL');
    return exited;
  };
  const deadline = performance.now() + options.startTimeoutMs;
  while (!gone && performance.now() < deadline) {
    const told = await readFile(portFile, 'utf8').catch(absent);
    const [port, abi] = told.trim().split('\t');
    if (port !== undefined && abi !== undefined) {
      const url = `http://127.0.0.1:${port}`;
      if (await answers(url)) {
        // they are read once, and user SQL could show them
        await Promise.all([configFile, usersFile, portFile].map((file) => rm(file, { force: true })));
        return { pid: child.pid!, url, landlockAbi: Number(abi), exited, kill };
      }
    }
    await sleep(15);
  }
  const ended = gone;
  await kill();
  const said = (await readFile(logFile).catch(() => Buffer.alloc(0))).subarray(logStart).toString().trim();
  throw startError(dir, said, ended);
}

function spawnChild(logFile: string, args: readonly string[]): ChildProcess {
  const entry = entryPoint(import.meta.url, './clickhouse-engine-child');
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [...entry.execArgv, entry.path, ...args], {
      stdio: ['pipe', log, log],
      env: { UV_THREADPOOL_SIZE: '1' },
    });
    child.stdin?.on('error', () => child.kill('SIGKILL'));
    return child;
  } finally {
    closeSync(log);
  }
}

function absent(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

/**
 * Bounded, because an engine killed at this moment leaves a port that may belong to anybody a moment later, even to our own end of the
 * connection: what answers then may never do so, and the engine would never be started again.
 */
async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/ping`, { signal: AbortSignal.timeout(pingTimeoutMs) }).then(
    (response) => response.ok,
    () => false,
  );
}

/** The engine ended by itself for a reason that lies in its data. */
export class EngineEnded extends Unusable {}

function startError(dir: string, said: string, ended: boolean): Error {
  if (said.includes('Code: 76') && said.includes('lock'))
    return new Unusable(
      `metrics: the folder ${dir} is in use by another process. Stop the other Runstream first, or give this one its own folder ` +
        `(RUNSTREAM_DATA or RUNSTREAM_METRICS).`,
    );
  if (/Cannot find module '@?chdb/.test(said))
    return new Unusable(
      'metrics: the embedded engine (npm chdb) is not installed here, as in the image of a cluster. Give RUNSTREAM_METRICS=clickhouse://…, or take the image that has it.',
    );
  if (/No space left on device|NOT_ENOUGH_SPACE|Code: 243/.test(said))
    return new Unavailable(`metrics: the disk is full, the engine can't start in ${dir}; free some space`, 1_000);
  if (/Permission denied|EACCES/.test(said))
    return new Unusable(
      `metrics: the engine may not read or write ${dir} (${firstLine(said)}). Give the folder and all in it to the user that runs this program.`,
    );
  // the data is as it was
  if (/Address already in use/.test(said))
    return new Unusable(`metrics: the engine's port is taken by another program (${firstLine(said)})`);
  const message = `metrics: the ClickHouse engine did not start in ${dir}: ${firstLine(said) || 'it said nothing'} (more in ${join(dir, 'engine.log')})`;
  return ended && said !== '' ? new EngineEnded(message) : new Unusable(message);
}

function firstLine(said: string): string {
  const line = said.split('\n').find((text) => /Code: \d+|Exception|rror/.test(text)) ?? said.split('\n')[0] ?? '';
  return line.slice(0, 500).trim();
}

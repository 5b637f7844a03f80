import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const startTimeoutMs = 60_000;

export interface RunningServer {
  readonly url: string;
  readonly pid: number;
  readonly output: () => string;
  /** Resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface ServerRig {
  readonly dir: string;
  /** The server process of the moment. */
  readonly server: RunningServer;
  /** Starts it (again) on the same data folder. */
  start(environment?: Readonly<Record<string, string>>): Promise<RunningServer>;
  close(): Promise<void>;
}

/** The real server as its own process, from source, on a free loopback port and a data folder of its own. */
export async function openServerRig(environment: Readonly<Record<string, string>> = {}): Promise<ServerRig> {
  const dir = mkdtempSync(join(tmpdir(), 'runstream-'));
  let running: RunningServer | null = null;
  const rig = {
    dir,
    get server(): RunningServer {
      if (!running) throw new Error('no server is running');
      return running;
    },
    async start(more: Readonly<Record<string, string>> = {}) {
      running = await spawnServer(['start'], { RUNSTREAM_DATA: dir, RUNSTREAM_PORT: '0', ...environment, ...more });
      return running;
    },
    async close() {
      await running?.kill('SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await rig.start();
  return rig;
}

export function spawnCli(args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  const { NODE_OPTIONS: _, VITEST: __, ...inherited } = process.env;
  return spawn(process.execPath, ['--conditions=source', '--import', 'tsx', join(root, 'services/main.ts'), ...args], {
    cwd: root,
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs a command to its end; gives its exit code and what it printed. */
export async function runCli(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawnCli(args, environment);
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

async function spawnServer(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<RunningServer> {
  const child = spawnCli(args, environment);
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the server did not start in ${startTimeoutMs} ms:\n${output}`)),
      startTimeoutMs,
    );
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const address = /Runstream is at (http:\S+)/.exec(output)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    };
    child.stdout!.on('data', read);
    child.stderr!.on('data', read);
    void exited.then((code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}:\n${output}`));
    });
  });
  return {
    url,
    pid: child.pid!,
    output: () => output,
    kill: async (signal = 'SIGKILL') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exited;
    },
  };
}

import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { program } from './program.js';
import { spawnOwned } from './processes.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const startTimeoutMs = 180_000;

export type Variables = Readonly<Record<string, string>>;

export interface RunningServer {
  readonly url: string;
  readonly pid: number;
  readonly output: () => string;
  /** Resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<number | null>;
}

export function spawnCli(args: readonly string[], environment: Variables): ChildProcess {
  // as a user starts it: frameworks behave differently where the environment says that tests run
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS|NODE_ENV|TEST|DEV|PROD|MODE|VITEST.*)$/.test(name)),
  );
  return spawnOwned(process.execPath, [...program('services/main'), ...args], {
    cwd: root,
    env: { ...inherited, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs a command to its end; gives its exit code and what it printed. */
export async function runCli(
  args: readonly string[],
  environment: Variables,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawnCli(args, environment);
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

/** Starts a server process and resolves when it says where it is. */
export async function spawnServer(environment: Variables): Promise<RunningServer> {
  const child = spawnCli(['start'], environment);
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the server did not start in ${startTimeoutMs} ms:\n${output}`));
    }, startTimeoutMs);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const address = /Runstream is at (http:\S+)/.exec(output)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      // what it wrote before that to the other stream has come as well, and is read in this turn
      setImmediate(() => resolve(address));
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

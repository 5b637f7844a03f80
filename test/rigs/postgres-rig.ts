import { execFileSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { childrenOf, ended, endProcess, freePort, readStat, spawnOwned } from './processes.js';

const installed = '/usr/lib/postgresql';
const version = existsSync(installed)
  ? readdirSync(installed)
      .sort((a, b) => Number(a) - Number(b))
      .at(-1)
  : undefined;
const bin = join(installed, version ?? '', 'bin');
const startTimeoutMs = 180_000;

/** Why no server can be had here; null when one can. */
export const postgresMissing = (): string | null =>
  existsSync(join(bin, 'initdb')) ? null : 'PostgreSQL is not installed (Debian: apt-get install postgresql)';

export interface PostgresRig {
  /** Address of a database, which is made when it is not there. */
  database(name: string): Promise<string>;
  readonly pid: number;
  /** kill -9 of the server and all its backends. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A real PostgreSQL server on loopback with a data folder of its own; what it has acknowledged survives a kill of its processes. */
export async function openPostgresRig(): Promise<PostgresRig> {
  const missing = postgresMissing();
  if (missing !== null) throw new Error(missing);
  const dir = mkdtempSync(join(tmpdir(), 'runstream-postgres-'));
  const data = join(dir, 'data');
  if (root) {
    chmodSync(dir, 0o755);
    execFileSync('chown', ['postgres:postgres', dir]);
  }
  execFileSync(...as('initdb', ['-D', data, '-U', 'postgres', '--no-sync', '--locale=C.UTF-8', '-A', 'trust']), {
    stdio: 'ignore',
  });
  const port = await freePort();
  // fsync=off: the tests kill processes, not the machine
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off', max_connections: '200' };
  const args = [
    '-D',
    data,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  let child: ChildProcess | null = null;
  const url = (name: string): string => `postgres://postgres@127.0.0.1:${port}/${name}`;
  const start = async (): Promise<void> => {
    child = spawnOwned(...as('postgres', args), { stdio: 'ignore' });
    const end = Date.now() + startTimeoutMs;
    while (!(await answers(url('postgres')))) {
      if (ended(child) || Date.now() > end) throw new Error(`PostgreSQL did not start (${child.exitCode})`);
      await sleep(50);
    }
  };
  await start();
  return {
    async database(name) {
      await ask(url('postgres'), `create database "${name}"`).catch((error: unknown) => {
        if ((error as { code?: string }).code !== '42P04') throw error;
      });
      return url(name);
    },
    get pid() {
      return child!.pid!;
    },
    start,
    async kill() {
      const backends = childrenOf(child!.pid!);
      const gone = endProcess(child!, 'SIGKILL');
      for (const pid of backends) kill(pid);
      await gone;
      // the next start refuses while one of the old backends is still there
      while (backends.some((pid) => existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readStat(pid)))) await sleep(20);
    },
    async close() {
      await endProcess(child!, 'SIGINT');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// initdb and postgres refuse to run as root
const root = process.getuid?.() === 0;
const as = (command: string, args: string[]): [string, string[]] =>
  root
    ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', join(bin, command), ...args]]
    : [join(bin, command), args];

async function ask(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const answers = (url: string): Promise<boolean> =>
  ask(url, 'select 1').then(
    () => true,
    () => false,
  );

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

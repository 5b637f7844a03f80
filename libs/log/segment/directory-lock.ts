import { utimes } from 'node:fs';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Unusable } from '#libs/domain/rejection.js';
import { isMissing } from './log-fs.js';

export interface DirectoryLock {
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  /** Start of the process in ticks since boot (Linux), so that a reused pid is not taken for the owner. */
  readonly startedAt: string;
  readonly host: string;
}

export interface LockTimes {
  /** How often the owner shows that it lives. */
  readonly beatMs: number;
  /** How long an owner that can't be asked (another host or container) must be silent to count as gone. */
  readonly silenceMs: number;
}

/**
 * One process owns a directory; the lock is gone with its owner, however that one ends. On Linux an abstract socket named after
 * the directory decides (the kernel frees it); a file names the owner and decides where sockets do not reach: other systems, other
 * network namespaces. An owner on another host or in another container can't be asked, so it is watched: its file beats. There a
 * process that is stopped for longer than `silenceMs` can lose its directory to another.
 */
export async function lockDirectory(
  dir: string,
  { beatMs, silenceMs }: LockTimes = { beatMs: 2_000, silenceMs: 10_000 },
): Promise<DirectoryLock> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, 'lock');
  const server = process.platform === 'linux' ? await listen(await socketName(dir)) : null;
  if (server === 'taken') throw inUse(dir, await readOwner(path));
  try {
    const owner = await readOwner(path);
    if (owner !== null && (await alive(owner, path, silenceMs))) throw inUse(dir, owner);
    await writeOwner(path);
  } catch (error) {
    server?.close();
    throw error;
  }
  const beat = beating(path, beatMs);
  return {
    async release() {
      clearInterval(beat);
      await rm(path, { force: true });
      await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    },
  };
}

// the time of the file is a counter: no two clocks are compared. A beat that fails is a beat missed, on a full disk too
function beating(path: string, beatMs: number): NodeJS.Timeout {
  let beats = 0;
  return setInterval(() => {
    utimes(path, ++beats, beats, () => undefined);
  }, beatMs).unref();
}

function inUse(dir: string, owner: Owner | null): Error {
  const who = owner === null ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new Unusable(
    `${dir} is in use by ${who}: one process owns a log directory. Stop it, or give this one another directory (RUNSTREAM_DATA)`,
  );
}

async function socketName(dir: string): Promise<string> {
  return `\0runstream-log-${createHash('sha256')
    .update(await realpath(dir))
    .digest('hex')
    .slice(0, 32)}`;
}

async function listen(name: string): Promise<Server | 'taken'> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve('taken') : reject(error),
    );
    server.listen({ path: name, exclusive: true }, () => resolve(server));
  });
}

async function readOwner(path: string): Promise<Owner | null> {
  try {
    const owner = JSON.parse(await readFile(path, 'utf8')) as Owner | null;
    return typeof owner?.pid === 'number' ? owner : null;
  } catch (error) {
    // half-written by a process that died: it owns nothing
    if (isMissing(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}

async function writeOwner(path: string): Promise<void> {
  const owner: Owner = { pid: process.pid, startedAt: await startOf(process.pid), host: hostname() };
  const temporary = `${path}.${process.pid}`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(`${JSON.stringify(owner)}\n`);
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

async function alive(owner: Owner, path: string, silenceMs: number): Promise<boolean> {
  if (owner.host !== hostname()) return beats(path, silenceMs);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return owner.startedAt === '' || owner.startedAt === (await startOf(owner.pid));
}

async function beats(path: string, silenceMs: number): Promise<boolean> {
  const before = (await stat(path)).mtimeMs;
  for (let waited = 0; waited < 20; waited++) {
    await new Promise((resolve) => setTimeout(resolve, silenceMs / 20));
    if ((await stat(path)).mtimeMs !== before) return true;
  }
  return false;
}

/** Field 22 of /proc/PID/stat; "" where there is no such file. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

import { createHash } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
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

/**
 * One process owns a directory; the lock is gone with its owner, however that one ends. On Linux an abstract socket named after the
 * directory decides (the kernel frees it); everywhere a file names the owner, and decides where there are no abstract sockets or
 * the other process has its own network namespace on this host. Two machines on one network file system are not kept apart when they
 * have the same host name.
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, 'lock');
  const server = process.platform === 'linux' ? await listen(await socketName(dir)) : null;
  if (server === 'taken') throw inUse(dir, await readOwner(path));
  try {
    const owner = await readOwner(path);
    if (owner !== null && (await alive(owner))) throw inUse(dir, owner);
    await writeOwner(path);
  } catch (error) {
    server?.close();
    throw error;
  }
  return {
    async release() {
      await rm(path, { force: true });
      await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
    },
  };
}

function inUse(dir: string, owner: Owner | null): Error {
  const who = owner === null ? 'another process' : `process ${owner.pid} on ${owner.host}`;
  return new Error(
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

async function alive(owner: Owner): Promise<boolean> {
  // a container that was started again has another host name and the dead one's file
  if (owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return owner.startedAt === '' || owner.startedAt === (await startOf(owner.pid));
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

import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/**
 * Which start of a job this is. Launchers name a job, and the same name comes again: a second launch that claims a rank which is taken is
 * not the same start. Ranks claim themselves in a file beside the spool. The file is that of the Python SDK.
 */
interface Claims {
  readonly name: string;
  readonly at: number;
  readonly ranks: Record<string, [host: string, pid: number, began: string]>;
}
const joinSeconds = { here: 60, elsewhere: 900 };
const lockPatienceMs = 1_000;
const claimed = new Map<string, string>();
const begun = new Map<string, number>();

/** How often this process has begun a run of this name, this time included. */
export function nth(name: string): number {
  begun.set(name, (begun.get(name) ?? 0) + 1);
  return begun.get(name)!;
}

/** A name for this start of the launch, the same in all its ranks; '' for the first, and where nothing can be written down. */
export function instanceOf(root: string, launch: string, rank: number): string {
  if (!claimed.has(launch)) {
    let name = '';
    try {
      name = claim(join(root, 'claims'), launch, rank);
    } catch {
      // a folder that can't be written to: the launcher's own name has to do
    }
    claimed.set(launch, name);
  }
  return claimed.get(launch)!;
}

function claim(folder: string, launch: string, rank: number): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, createHash('sha256').update(launch).digest('hex').slice(0, 32));
  const unlock = lock(`${path}.lock`);
  try {
    let known: Claims | null = null;
    try {
      known = JSON.parse(readFileSync(path, 'utf8')) as Claims;
    } catch {
      // nobody has claimed a rank of it
    }
    if (known === null || String(rank) in known.ranks || !isGoingOn(known))
      known = { name: known ? randomBytes(4).toString('hex') : '', at: Date.now() / 1_000, ranks: {} };
    known.ranks[String(rank)] = [hostname(), process.pid, beganAt(process.pid) ?? ''];
    writeFileSync(`${path}.new`, JSON.stringify(known), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    return known.name;
  } finally {
    unlock();
  }
}

function isGoingOn({ at, ranks }: Claims): boolean {
  const all = Object.values(ranks);
  if (all.some(([host, pid, began]) => host === hostname() && beganAt(pid) === began)) return true;
  const away = all.some(([host]) => host !== hostname());
  return Date.now() / 1_000 - at < (away ? joinSeconds.elsewhere : joinSeconds.here);
}

/** When a process began, which tells it from a later one of the same number; '' where the system does not say, null when it is gone. */
function beganAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    try {
      process.kill(pid, 0);
      return '';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : null;
    }
  }
}

function lock(path: string): () => void {
  const endsAt = Date.now() + lockPatienceMs;
  for (;;) {
    try {
      closeSync(openSync(path, 'wx', 0o600));
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // left by a process that was killed
      const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > lockPatienceMs || Date.now() > endsAt) rmSync(path, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

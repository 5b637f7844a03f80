import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Another sender is at work on this spool. */
export class SpoolBusy extends Error {
  override readonly name = 'SpoolBusy';
}

/** When a process began, in clock ticks since boot: tells it from a later one with the same number. '' where the system does not say. */
function beganAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * One sender at a time: the lock names its process, and one whose process is gone (kill -9, a reboot) is free. Throws `SpoolBusy`.
 * The lock goes with the folder when all is delivered.
 */
export function lockSpool(folder: string): void {
  const path = join(folder, 'sender.lock');
  for (;;) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, `${process.pid} ${beganAt(process.pid)}`);
      return closeSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [pid = '', began = ''] = holderOf(path).split(' ');
    if (pid !== '' && lives(Number(pid)) && (began === '' || began === beganAt(Number(pid))))
      throw new SpoolBusy(`process ${pid} is delivering ${folder}`);
    // of several who find it free one moves it away, the others try again
    const aside = `${path}.${process.pid}`;
    try {
      renameSync(path, aside);
      rmSync(aside, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** The folder stays: others may deliver the rest. */
export function unlockSpool(folder: string): void {
  rmSync(join(folder, 'sender.lock'), { force: true });
}

function holderOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

import { link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockDirectory } from './directory-lock.js';

describe('the lock of a directory', () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'runstream-lock-'))));
  afterEach(() => rm(dir, { recursive: true }));

  const owner = (over: object): string =>
    JSON.stringify({ pid: process.ppid, startedAt: '', host: hostname(), ...over });
  const times = { beatMs: 20, silenceMs: 400 };
  const leave = (text: string): Promise<void> => writeFile(join(dir, 'lock'), text);

  test('is given to one of many that ask at once', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => lockDirectory(dir)));
    const locks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(locks.length).toBe(1);
    await locks[0]!.release();
    await (await lockDirectory(dir)).release();
  });

  test('is refused while the process named in the file lives, wherever its socket is', async () => {
    await leave(owner({}));
    await expect(lockDirectory(dir)).rejects.toThrow(`in use by process ${process.ppid}`);
    await expect(lockDirectory(dir)).rejects.toThrow(`in use by process ${process.ppid}`);
  });

  test('is free when the file names a dead process, another host, a reused pid or nothing readable', async () => {
    const leftovers = [owner({ pid: 2 ** 22 + 1 }), owner({ host: 'a-container-that-is-gone' }), '{"pid":', 'null', ''];
    if (process.platform === 'linux') leftovers.push(owner({ startedAt: '1' }));
    for (const text of leftovers) {
      await leave(text);
      const lock = await lockDirectory(dir, times);
      expect(JSON.parse(await readFile(join(dir, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
      await lock.release();
    }
  });

  test('is refused while an owner that can not be asked goes on beating', async () => {
    const lock = await lockDirectory(dir, times);
    // as a container with its own host name and network would see it
    await writeFile(join(dir, 'lock'), owner({ host: 'another-container' }));
    const other = join(dir, 'as-mounted-there');
    await mkdir(other);
    await link(join(dir, 'lock'), join(other, 'lock'));
    await expect(lockDirectory(other, times)).rejects.toThrow('on another-container');
    await lock.release();
    await (await lockDirectory(other, times)).release();
  });
});

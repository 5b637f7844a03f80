import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
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

  test.runIf(process.platform === 'linux')('knows its owner by the start of its process', async () => {
    // field 22 of what the kernel says, which counts from behind the name: that may hold anything
    const startOf = async (pid: number): Promise<string> =>
      /^\d+ \(.*\) \S(?: \S+){18} (\d+) /s.exec(await readFile(`/proc/${pid}/stat`, 'utf8'))![1]!;
    const lock = await lockDirectory(dir, times);
    expect(JSON.parse(await readFile(join(dir, 'lock'), 'utf8'))).toMatchObject({
      startedAt: await startOf(process.pid),
    });
    await lock.release();
    await leave(owner({ startedAt: await startOf(process.ppid) }));
    await expect(lockDirectory(dir, times)).rejects.toThrow(`in use by process ${process.ppid}`);
  });

  test('is refused while its owner is a process that this one may not ask', async () => {
    await leave(owner({}));
    const asked = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' });
    });
    try {
      await expect(lockDirectory(dir, times)).rejects.toThrow(`in use by process ${process.ppid}`);
      expect(asked).toHaveBeenCalledWith(process.ppid, 0);
    } finally {
      asked.mockRestore();
    }
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

  test('names its owner, leaves nothing when it is let go, and can be taken again', async () => {
    const inner = join(dir, 'made', 'for it');
    const lock = await lockDirectory(inner, times);
    const named = JSON.parse(await readFile(join(inner, 'lock'), 'utf8')) as object;
    expect(named).toMatchObject({ pid: process.pid, host: hostname() });
    expect(named).toHaveProperty('startedAt', expect.stringMatching(process.platform === 'linux' ? /^\d+$/ : /^$/));
    expect(await readdir(inner)).toEqual(['lock']);
    await expect(lockDirectory(inner)).rejects.toMatchObject({
      name: 'Unusable',
      message: expect.stringContaining(`in use by process ${process.pid} on ${hostname()}`) as string,
    });
    await lock.release();
    expect(await readdir(inner)).toEqual([]);
    await (await lockDirectory(inner)).release();
  });

  test('holds under every name that the directory has', async () => {
    const real = join(dir, 'real');
    await mkdir(real);
    const alias = join(dir, 'alias');
    await symlink(real, alias);
    const lock = await lockDirectory(real, times);
    await rm(join(real, 'lock'));
    if (process.platform === 'linux')
      await expect(lockDirectory(alias, times)).rejects.toThrow('in use by another process');
    await lock.release();
    const other = await lockDirectory(alias, times);
    await other.release();
  });

  test('is let go when the owner can not be read or written, so that the next try says the same', async () => {
    await mkdir(join(dir, 'lock'));
    for (let time = 0; time < 2; time++)
      await expect(lockDirectory(dir, times)).rejects.toMatchObject({ code: 'EISDIR' });
    await rm(join(dir, 'lock'), { recursive: true });
    await (await lockDirectory(dir, times)).release();
  });

  test('beats as long as it is held, and not afterwards', async () => {
    const lock = await lockDirectory(dir, times);
    const mtime = async () => (await stat(join(dir, 'lock'))).mtimeMs;
    const first = await mtime();
    await expect.poll(mtime).not.toBe(first);
    await lock.release();
    await leave('{}');
    const after = await mtime();
    await new Promise((resolve) => setTimeout(resolve, 5 * times.beatMs));
    expect(await mtime()).toBe(after);
  });
});

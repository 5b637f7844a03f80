import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokenStream, describeArtifactStore, digestOfBytes, streamOf } from './artifact-store.contract.js';
import { openDiskArtifactStore } from './disk-artifact-store.js';

const newDirectory = (): Promise<string> => mkdtemp(join(tmpdir(), 'runstream-artifacts-'));

describeArtifactStore('DiskArtifactStore', async (clock) => {
  const dir = await newDirectory();
  let failing = false;
  const mayFail: typeof open = (...args) =>
    failing ? Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })) : open(...args);
  const reopen = () => openDiskArtifactStore({ dir, clock, open: mayFail });
  return {
    store: await reopen(),
    reopen,
    damage: async (digest) => {
      const path = join(dir, 'objects', digest.slice(7, 9), digest.slice(9));
      const bytes = await readFile(path);
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(path, bytes);
    },
    fail: () => {
      failing = true;
      return Promise.resolve(() => {
        failing = false;
        return Promise.resolve();
      });
    },
    dispose: () => rm(dir, { recursive: true }),
  };
});

describe('DiskArtifactStore', () => {
  let dir: string;
  beforeEach(async () => (dir = await newDirectory()));
  afterEach(() => rm(dir, { recursive: true }));
  const content = Buffer.from('x'.repeat(100_000));
  const digest = digestOfBytes(content);

  /** Files that take `bytesMax` bytes, and then the disk is full. */
  function fillingDisk(disk: { free: number }): typeof open {
    return async (...args) => {
      const handle = await open(...args);
      const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
      const limited = async (bytes: Uint8Array, offset: number, length: number) => {
        if (disk.free === 0)
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        const taken = Math.min(length, disk.free);
        disk.free -= taken;
        return write(bytes, offset, taken);
      };
      return Object.assign(handle, { write: limited as unknown as FileHandle['write'] });
    };
  }

  /** A disk that tells what it surely has: of each path what was there when it was synced last, a file's size or a folder's names. */
  function watchedDisk(durable: Map<string, unknown>, failing: { next: boolean } = { next: false }): typeof open {
    return async (path, ...rest) => {
      const handle = await open(path, ...rest);
      const flush = handle.sync.bind(handle);
      const watched = async (): Promise<void> => {
        if (failing.next) throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
        await flush();
        const stat = await handle.stat();
        const held = stat.isDirectory() ? (await readdir(path as string)).sort() : stat.size;
        durable.set(relative(dir, path as string), held);
      };
      return Object.assign(handle, { sync: watched });
    };
  }
  const [folder, file] = [digest.slice(7, 9), digest.slice(9)];

  test('an artifact that was put is on the disk, its name and its folder too', async () => {
    const durable = new Map<string, unknown>();
    const store = await openDiskArtifactStore({ dir, clock: Date.now, open: watchedDisk(durable) });
    expect(durable).toEqual(new Map([['', ['incoming', 'objects', 'uploads']]]));
    await store.put(streamOf(content));
    expect(durable.get(join('incoming', '0'))).toBe(content.length);
    expect(durable.get(join('objects', folder))).toEqual([file]);
    expect(durable.get('objects')).toEqual([folder]);
  });

  test('a piece of an upload is on the disk when it is answered, broken off or not', async () => {
    const durable = new Map<string, unknown>();
    const store = await openDiskArtifactStore({ dir, clock: Date.now, open: watchedDisk(durable) });
    await expect(store.append('u', 0, brokenStream(content.subarray(0, 500)))).rejects.toThrow('connection lost');
    expect([durable.get(join('uploads', 'u')), durable.get('uploads')]).toEqual([500, ['u']]);
    await store.append('u', 500, streamOf(content.subarray(500, 900)));
    expect(durable.get(join('uploads', 'u'))).toBe(900);
  });

  test('an upload that was completed is on the disk, also what an earlier process has written of it', async () => {
    const durable = new Map<string, unknown>();
    const store = await openDiskArtifactStore({ dir, clock: Date.now, open: watchedDisk(durable) });
    await writeFile(join(dir, 'uploads', 'u'), content);
    await store.complete('u', digest);
    expect(durable.get(join('uploads', 'u'))).toBe(content.length);
    expect(durable.get(join('objects', folder))).toEqual([file]);
    expect(durable.get('objects')).toEqual([folder]);
  });

  test('what the disk could not sync is not kept: syncing it again would prove nothing', async () => {
    const failing = { next: false };
    const store = await openDiskArtifactStore({ dir, clock: Date.now, open: watchedDisk(new Map(), failing) });
    await store.append('u', 0, streamOf(content.subarray(0, 500)));
    failing.next = true;
    await expect(store.append('u', 500, streamOf(content.subarray(500)))).rejects.toMatchObject({
      name: 'Unavailable',
    });
    await expect(store.put(streamOf(content))).rejects.toMatchObject({ name: 'Unavailable' });
    failing.next = false;
    expect(await store.uploadedBytes('u')).toBe(500);
    expect([await store.stat(digest), await readdir(join(dir, 'incoming'))]).toEqual([null, []]);
  });

  test('what a killed process left behind is no artifact and is removed', async () => {
    await openDiskArtifactStore({ dir, clock: Date.now });
    await writeFile(join(dir, 'incoming', '0'), content.subarray(0, 500));
    const store = await openDiskArtifactStore({ dir, clock: Date.now });
    expect(await readdir(join(dir, 'incoming'))).toEqual([]);
    expect(await store.stat(digest)).toBeNull();
    expect(await store.put(streamOf(content))).toEqual({ digest, sizeBytes: content.length });
  });

  test('a process beside the owner leaves its unfinished files alone', async () => {
    await openDiskArtifactStore({ dir, clock: Date.now });
    await writeFile(join(dir, 'incoming', '0'), content.subarray(0, 500));
    await openDiskArtifactStore({ dir, clock: Date.now, owned: false });
    expect(await readdir(join(dir, 'incoming'))).toEqual(['0']);
  });

  test('a full disk is Unavailable, keeps nothing of a put, and works again with space', async () => {
    const disk = { free: 70_000 };
    const store = await openDiskArtifactStore({ dir, clock: Date.now, open: fillingDisk(disk) });
    await expect(store.put(streamOf(content))).rejects.toEqual(
      expect.objectContaining({ name: 'Unavailable', message: expect.stringContaining('disk is full') as string }),
    );
    expect(await readdir(join(dir, 'incoming'))).toEqual([]);
    disk.free = 1e9;
    expect(await store.put(streamOf(content))).toEqual({ digest, sizeBytes: content.length });
  });

  test('a full disk takes an upload back to its durable part', async () => {
    const disk = { free: 70_000 };
    const store = await openDiskArtifactStore({ dir, clock: Date.now, open: fillingDisk(disk) });
    await store.append('u', 0, streamOf(content.subarray(0, 50_000)));
    await expect(store.append('u', 50_000, streamOf(content.subarray(50_000)))).rejects.toMatchObject({
      name: 'Unavailable',
    });
    expect(await store.uploadedBytes('u')).toBe(50_000);
    disk.free = 1e9;
    await store.append('u', 50_000, streamOf(content.subarray(50_000)));
    expect(await store.complete('u', digest)).toEqual({ digest, sizeBytes: content.length });
  });

  test('artifacts lie in folders of two hex digits', async () => {
    const store = await openDiskArtifactStore({ dir, clock: Date.now });
    await store.put(streamOf(content));
    expect(await readdir(join(dir, 'objects', digest.slice(7, 9)))).toEqual([digest.slice(9)]);
    await mkdir(join(dir, 'objects', 'zz'));
    expect(await store.stat(digest)).not.toBeNull();
  });
});

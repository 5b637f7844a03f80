import { appendFile, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokenStream, bytesOf, digestOfBytes, streamOf } from './artifact-store.contract.js';
import type { ArtifactStore } from './artifact-store.js';
import { openDiskArtifactStore } from './disk-artifact-store.js';

let dir: string;
beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'runstream-space-'))));
afterEach(() => rm(dir, { recursive: true }));
const noSpace: unknown = expect.objectContaining({ name: 'Rejection', code: 'NO_SPACE' });
const some = (bytes: number, fill: number): Buffer => Buffer.alloc(bytes, fill);

describe('the space of all artifacts together', () => {
  const bytesMax = 1_000;
  const openStore = (more: object = {}): Promise<ArtifactStore> =>
    openDiskArtifactStore({ dir, clock: Date.now, spaceBytesMax: bytesMax, ...more });
  const put = async (store: ArtifactStore, bytes: Buffer) => (await store.put(streamOf(bytes))).sizeBytes;
  /** Exactly this much is free: to the byte. */
  const free = async (store: ArtifactStore, bytes: number): Promise<void> => {
    await expect(put(store, some(bytes + 1, 99))).rejects.toEqual(noSpace);
    expect(await put(store, some(bytes, 99))).toBe(bytes);
  };

  test('is bounded to the byte, and known again after a restart, uploads included', async () => {
    const store = await openStore();
    expect(await put(store, some(600, 1))).toBe(600);
    await store.append('u', 0, streamOf(some(100, 2)));
    await free(await openStore(), 300);
  });

  test('is not taken twice by the same bytes', async () => {
    const store = await openStore();
    for (let time = 0; time < 3; time++) expect(await put(store, some(400, 1))).toBe(400);
    await store.append('u', 0, streamOf(some(400, 1)));
    await store.complete('u', digestOfBytes(some(400, 1)));
    await free(store, 600);
  });

  test('comes back from what broke off, was not what it should be, was stale or is taken no more', async () => {
    const store = await openStore({ clock: () => 1_000 });
    await expect(store.put(brokenStream(some(900, 1)))).rejects.toThrow('connection lost');
    await expect(store.put(streamOf(some(900, 1)), { sizeBytes: 5 })).rejects.toMatchObject({ name: 'Rejection' });
    await store.append('wrong', 0, streamOf(some(900, 1)));
    await expect(store.complete('wrong', digestOfBytes(some(1, 1)))).rejects.toMatchObject({ name: 'Rejection' });
    await store.append('stale', 0, streamOf(some(900, 1)));
    expect([await store.removeStaleUploads(1_000), await store.removeStaleUploads(1_001)]).toEqual([0, 1]);
    await free(store, 1_000);
  });

  test('comes back from a piece that the disk did not take', async () => {
    const broken = { now: false };
    const failing: typeof open = async (...args) => {
      const handle = await open(...args);
      const flush = handle.sync.bind(handle);
      const sync = () => (broken.now ? Promise.reject(Object.assign(new Error('fsync'), { code: 'EIO' })) : flush());
      return Object.assign(handle, { sync });
    };
    const store = await openStore({ open: failing });
    await store.append('u', 0, streamOf(some(100, 1)));
    broken.now = true;
    await expect(store.append('u', 100, streamOf(some(800, 1)))).rejects.toThrow(/the disk failed.*Try again/);
    broken.now = false;
    await free(store, 900);
  });
});

describe('bytes that are not what their name says', () => {
  const large = Buffer.alloc(9 * 1024 * 1024, 'a rather long artifact ');
  test.each([
    ['small', some(1_000, 7)],
    ['large', large],
  ])('of a %s artifact are never handed over whole, and are put aside', async (_, bytes) => {
    const store = await openDiskArtifactStore({ dir, clock: Date.now });
    const digest = digestOfBytes(bytes);
    await store.put(streamOf(bytes));
    expect((await bytesOf(await store.get(digest))).equals(bytes)).toBe(true);
    const size = bytes.length;
    for (const [start, end] of [[0, size - 1], [1, size], [10, 20]] as const)
      expect((await bytesOf(await store.get(digest, { start, end }))).equals(bytes.subarray(start, end))).toBe(true); // prettier-ignore
    const folder = join(dir, 'objects', digest.slice(7, 9));
    const path = join(folder, digest.slice(9));
    const damaged = await readFile(path);
    damaged[size - 1]! ^= 1;
    await writeFile(path, damaged);
    let given = 0;
    const reading = (async () => {
      for await (const chunk of await store.get(digest)) given += (chunk as Buffer).length;
    })();
    await expect(reading).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringContaining('damaged') as string,
    });
    expect(given).toBeLessThan(size);
    expect(await readdir(folder)).toEqual([`${digest.slice(9)}.damaged`]);
    await expect(store.get(digest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await store.put(streamOf(bytes));
    expect((await bytesOf(await store.get(digest))).equals(bytes)).toBe(true);
    await appendFile(path, 'x');
    await expect(store.get(digest).then(bytesOf)).rejects.toMatchObject({ name: 'Unavailable' });
  });

  test('texts are stored as their bytes', async () => {
    const store = await openDiskArtifactStore({ dir, clock: Date.now });
    const { Readable } = await import('node:stream');
    const { digest } = await store.put(Readable.from(['ü', 'b']));
    expect((await bytesOf(await store.get(digest))).toString()).toBe('üb');
  });
});

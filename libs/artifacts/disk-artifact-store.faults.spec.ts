import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { brokenStream, bytesOf, digestOfBytes, streamOf } from './artifact-store.contract.js';
import type { ArtifactStore } from './artifact-store.js';
import { openDiskArtifactStore } from './disk-artifact-store.js';

const content = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >>> 5));
const digest = digestOfBytes(content);
const failure = (code: string): Error => Object.assign(new Error(`${code}: what the system says`), { code });

/** What a disk that misbehaves says and does, seen from the store. */
describe('a folder of artifacts', () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'runstream-faults-'))));
  afterEach(() => rm(dir, { recursive: true }));
  const openStore = (openFile?: typeof open): Promise<ArtifactStore> =>
    openDiskArtifactStore({ dir, clock: Date.now, ...(openFile && { open: openFile }) });
  const folder = () => join(dir, 'objects', digest.slice(7, 9));
  const path = () => join(folder(), digest.slice(9));

  /** Files whose writes are seen to by `write`, which may pass on a part. */
  const writingBy =
    (write: (length: number) => number): typeof open =>
    async (...args) => {
      const handle = await open(...args);
      const real = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
      const limited = async (bytes: Uint8Array, offset: number, length: number) => real(bytes, offset, write(length));
      return Object.assign(handle, { write: limited as unknown as FileHandle['write'] });
    };

  test('is Unavailable from the beginning where the disk is', async () => {
    const error: unknown = await openStore(() => Promise.reject(failure('EROFS'))).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'Unavailable', cause: { code: 'EROFS' } });
    expect((error as Error).message).toMatch(/the disk failed.*EROFS/);
  });

  test.each([
    ['ENOSPC', 'the disk is full'],
    ['EDQUOT', 'the disk is full'],
    ['EIO', 'the disk failed'],
  ])('says of %s that %s', async (code, said) => {
    const store = await openStore(writingBy(() => { throw failure(code); })); // prettier-ignore
    await expect(store.put(streamOf(content))).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringContaining(said) as string,
    });
  });

  test('holds every byte of what the disk took in small pieces', async () => {
    const store = await openStore(writingBy((length) => Math.min(length, 999)));
    expect(await store.put(streamOf(content))).toEqual({ digest, sizeBytes: content.length });
    expect((await readFile(path())).equals(content)).toBe(true);
  });

  test('leaves no file open, whether what was asked for went well or not', async () => {
    const opened = new Set<FileHandle>();
    const broken = { now: false };
    const store = await openStore(async (...args) => {
      const handle = await open(...args);
      opened.add(handle);
      const [close, sync] = [handle.close.bind(handle), handle.sync.bind(handle)];
      return Object.assign(handle, {
        sync: () => (broken.now ? Promise.reject(failure('EIO')) : sync()),
        close: () => (opened.delete(handle), close()),
      });
    });
    await store.put(streamOf(content));
    await expect(store.put(brokenStream(content))).rejects.toThrow('connection lost');
    await store.append('u', 0, streamOf(content));
    broken.now = true;
    await expect(store.complete('u', digest)).rejects.toMatchObject({ name: 'Unavailable' });
    await expect(store.append('u', content.length, streamOf(content))).rejects.toMatchObject({ name: 'Unavailable' });
    expect(opened).toEqual(new Set());
  });

  test('refuses a digest that is none before it reads a byte', async () => {
    const store = await openStore();
    const bytes = Readable.from([content]);
    await expect(store.put(bytes, { digest: 'md5:00' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(bytes.readableDidRead).toBe(false);
  });

  test('says that something is not there only where nothing is', async () => {
    const store = await openStore();
    await writeFile(folder(), 'a file where a folder belongs');
    await expect(store.stat(digest)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(store.get(digest)).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  test('gives out a large artifact piece by piece, a small one at once', async () => {
    const store = await openStore();
    const largest = async (bytes: Buffer): Promise<number> => {
      await store.put(streamOf(bytes));
      let most = 0;
      for await (const chunk of await store.get(digestOfBytes(bytes))) most = Math.max(most, (chunk as Buffer).length);
      return most;
    };
    expect(await largest(content)).toBe(content.length);
    expect(await largest(Buffer.alloc(9 * 1024 * 1024, 7))).toBeLessThan(1024 * 1024);
  });

  test('says so when damaged bytes could not be put aside, and gives out none of them', async () => {
    const store = await openStore();
    await store.put(streamOf(content));
    await writeFile(path(), content.subarray(1));
    await mkdir(join(`${path()}.damaged`, 'in the way'), { recursive: true });
    await expect(store.get(digest)).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringMatching(/are damaged and could not be put aside \(.+\)/) as string,
    });
    await rm(`${path()}.damaged`, { recursive: true });
    const [one, other] = await Promise.allSettled([store.get(digest), store.get(digest)]);
    for (const outcome of [one, other])
      expect(outcome).toMatchObject({ reason: { message: expect.stringContaining('were put aside') as string } });
    expect(await readdir(folder())).toEqual([`${digest.slice(9)}.damaged`]);
  });

  test('takes no upload for stale that somebody is writing', async () => {
    const store = await openStore();
    await store.append('u', 0, streamOf(content.subarray(0, 10)));
    let go = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    const slow = Readable.from((async function* () {
      yield content.subarray(10, 20);
      await waiting;
      yield content.subarray(20);
    })()); // prettier-ignore
    const appending = store.append('u', 10, slow);
    await expect.poll(() => store.uploadedBytes('u')).toBe(20);
    expect(await store.removeStaleUploads(Infinity)).toBe(0);
    go();
    await appending;
    expect(await store.complete('u', digest)).toEqual({ digest, sizeBytes: content.length });
  });

  test('removes stale uploads beside those that are completed at that moment: each is one or the other', async () => {
    const store = await openStore();
    const ids = Array.from({ length: 40 }, (_, i) => `u${i}`);
    const piece = (id: string): Buffer => Buffer.from(id);
    for (const id of ids) await store.append(id, 0, streamOf(piece(id)));
    const removing = store.removeStaleUploads(Infinity);
    const completing: Promise<string>[] = [];
    for (const id of ids.toReversed()) {
      await turn();
      const completed = store.complete(id, digestOfBytes(piece(id)));
      completing.push(completed.then(() => id, (error: unknown) => (error as { code: string }).code)); // prettier-ignore
    }
    const outcomes = await Promise.all(completing);
    const stored = outcomes.filter((outcome) => ids.includes(outcome));
    const refused = outcomes.filter((outcome) => !ids.includes(outcome));
    expect(refused.filter((code) => code !== 'LIMIT_EXCEEDED' && code !== 'NOT_FOUND')).toEqual([]);
    expect(await removing).toBe(refused.length);
    for (const id of stored) expect((await bytesOf(await store.get(digestOfBytes(piece(id))))).toString()).toBe(id);
  });
});

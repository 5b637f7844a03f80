import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ArtifactStore } from './artifact-store.js';

export interface OpenedArtifactStore {
  readonly store: ArtifactStore;
  readonly dispose: () => Promise<void>;
}

export const digestOfBytes = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
export const streamOf = (bytes: Uint8Array, chunkBytes = 65_536): Readable =>
  Readable.from((function* () {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  })()); // prettier-ignore

/** Gives `bytes`, then breaks as a lost connection does. */
export const brokenStream = (bytes: Uint8Array): Readable =>
  Readable.from((async function* () {
    yield bytes;
    throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
  })()); // prettier-ignore

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >>> 5));
const digest = digestOfBytes(content);
const otherDigest = digestOfBytes(Buffer.from('other'));
const refused = (code: string): object => expect.objectContaining({ name: 'Rejection', code });

/** What every adapter of `ArtifactStore` promises. `open` gives an empty store whose clock stands at `nowMs()`. */
export function describeArtifactStore(name: string, open: (clock: () => number) => Promise<OpenedArtifactStore>): void {
  describe(`${name} as an ArtifactStore`, () => {
    let opened: OpenedArtifactStore;
    let store: ArtifactStore;
    let nowMs: number;
    beforeEach(async () => {
      nowMs = 1_700_000_000_000;
      opened = await open(() => nowMs);
      store = opened.store;
    });
    afterEach(() => opened.dispose());

    test('stores bytes under their digest and gives them back', async () => {
      expect(await store.put(streamOf(content))).toEqual({ digest, sizeBytes: content.length });
      expect(await store.stat(digest)).toEqual({ digest, sizeBytes: content.length });
      expect((await bytesOf(await store.get(digest))).equals(content)).toBe(true);
    });

    test('stores nothing as well as something', async () => {
      const empty = await store.put(streamOf(Buffer.alloc(0)));
      expect(empty).toEqual({ digest: digestOfBytes(Buffer.alloc(0)), sizeBytes: 0 });
      expect((await bytesOf(await store.get(empty.digest))).length).toBe(0);
    });

    test('refuses bytes that are not the expected ones and keeps nothing of them', async () => {
      await expect(store.put(streamOf(content), { digest: otherDigest })).rejects.toEqual(refused('INVALID_ARGUMENT'));
      await expect(store.put(streamOf(content), { digest, sizeBytes: 5 })).rejects.toEqual(refused('INVALID_ARGUMENT'));
      expect(await store.stat(digest)).toBeNull();
      expect(await store.put(streamOf(content), { digest, sizeBytes: content.length })).toEqual({
        digest,
        sizeBytes: content.length,
      });
    });

    test('a put that breaks off leaves nothing', async () => {
      await expect(store.put(brokenStream(content))).rejects.toThrow('connection lost');
      expect(await store.stat(digest)).toBeNull();
    });

    test('takes the same bytes many times at once', async () => {
      const stats = await Promise.all(Array.from({ length: 8 }, () => store.put(streamOf(content))));
      expect(new Set(stats.map((stat) => stat.digest))).toEqual(new Set([digest]));
      expect((await bytesOf(await store.get(digest))).equals(content)).toBe(true);
    });

    test('gives ranges, their edges included', async () => {
      await store.put(streamOf(content));
      const size = content.length;
      for (const [start, end] of [[0, 1], [0, size], [size - 1, size], [100, 70_000], [5, 5], [0, 0], [size, size]] as const) {
        expect((await bytesOf(await store.get(digest, { start, end }))).equals(content.subarray(start, end))).toBe(true);
      } // prettier-ignore
      for (const [start, end] of [[-1, 1], [0, size + 1], [2, 1], [0.5, 1], [size + 1, size + 1]] as const) {
        await expect(store.get(digest, { start, end })).rejects.toEqual(refused('INVALID_ARGUMENT'));
      } // prettier-ignore
    });

    test('says that it does not have what it does not have', async () => {
      expect(await store.stat(digest)).toBeNull();
      await expect(store.get(digest)).rejects.toEqual(refused('NOT_FOUND'));
      await expect(store.complete('unknown', digest)).rejects.toEqual(refused('NOT_FOUND'));
      expect(await store.uploadedBytes('unknown')).toBe(0);
    });

    test('an upload in pieces becomes an artifact', async () => {
      expect(await store.append('u-1', 0, streamOf(content.subarray(0, 1_000)))).toBe(1_000);
      expect(await store.uploadedBytes('u-1')).toBe(1_000);
      expect(await store.stat(digest)).toBeNull();
      expect(await store.append('u-1', 1_000, streamOf(content.subarray(1_000)))).toBe(content.length);
      expect(await store.complete('u-1', digest)).toEqual({ digest, sizeBytes: content.length });
      expect((await bytesOf(await store.get(digest))).equals(content)).toBe(true);
      expect(await store.uploadedBytes('u-1')).toBe(0);
    });

    test('a complete that is repeated gives the same answer', async () => {
      await store.append('u-1', 0, streamOf(content));
      await store.complete('u-1', digest);
      expect(await store.complete('u-1', digest)).toEqual({ digest, sizeBytes: content.length });
    });

    test('an upload that breaks off resumes at what was kept', async () => {
      await expect(store.append('u-1', 0, brokenStream(content.subarray(0, 500)))).rejects.toThrow('connection lost');
      const kept = await store.uploadedBytes('u-1');
      await store.append('u-1', kept, streamOf(content.subarray(kept)));
      expect(await store.complete('u-1', digest)).toEqual({ digest, sizeBytes: content.length });
    });

    test('an upload goes on only where it ended', async () => {
      await store.append('u-1', 0, streamOf(content.subarray(0, 10)));
      for (const offset of [0, 9, 11])
        await expect(store.append('u-1', offset, streamOf(content))).rejects.toEqual(refused('INVALID_ARGUMENT'));
      expect(await store.uploadedBytes('u-1')).toBe(10);
    });

    test('an upload with the wrong digest is refused and gone', async () => {
      await store.append('u-1', 0, streamOf(content));
      await expect(store.complete('u-1', otherDigest)).rejects.toEqual(refused('INVALID_ARGUMENT'));
      expect(await store.stat(otherDigest)).toBeNull();
      expect(await store.uploadedBytes('u-1')).toBe(0);
    });

    test('removes uploads that nobody has touched for long', async () => {
      await store.append('old', 0, streamOf(content));
      nowMs += 60_000;
      await store.append('new', 0, streamOf(content));
      expect(await store.removeStaleUploads(nowMs - 30_000)).toBe(1);
      expect([await store.uploadedBytes('old'), await store.uploadedBytes('new')]).toEqual([0, content.length]);
    });

    test('refuses ids and digests that could be paths', async () => {
      for (const id of ['', '..', '../x', 'a/b', 'a.b', 'a\0b', 'x'.repeat(65)]) {
        await expect(store.append(id, 0, streamOf(content))).rejects.toEqual(refused('INVALID_ARGUMENT'));
        await expect(store.uploadedBytes(id)).rejects.toEqual(refused('INVALID_ARGUMENT'));
      }
      for (const bad of [
        '',
        'sha256:',
        'sha256:../../etc/passwd',
        digest.toUpperCase(),
        `${digest}0`,
        digest.slice(7),
        `${digest}\n`,
      ]) {
        await expect(store.get(bad)).rejects.toEqual(refused('INVALID_ARGUMENT'));
        await expect(store.stat(bad)).rejects.toEqual(refused('INVALID_ARGUMENT'));
        await expect(store.complete('u-1', bad)).rejects.toEqual(refused('INVALID_ARGUMENT'));
        await expect(store.put(streamOf(content), { digest: bad })).rejects.toEqual(refused('INVALID_ARGUMENT'));
      }
    });
  });
}

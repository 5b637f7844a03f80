import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ArtifactStore } from './artifact-store.js';

export interface OpenedArtifactStore {
  readonly store: ArtifactStore;
  /** Closes it, and opens what is there as the next process would. */
  readonly reopen: () => Promise<ArtifactStore>;
  /** Changes a byte of an artifact behind the store. */
  readonly damage: (digest: string) => Promise<void>;
  /** From now on what is beneath fails, until the function that it gives is called. */
  readonly fail: () => Promise<() => Promise<void>>;
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

    test('keeps everything over a restart between any two steps', async () => {
      const first = content.subarray(0, 123_456);
      await store.put(streamOf(Buffer.from('whole')));
      store = await opened.reopen();
      expect((await bytesOf(await store.get(digestOfBytes(Buffer.from('whole'))))).toString()).toBe('whole');
      await store.append('u-1', 0, streamOf(first));
      store = await opened.reopen();
      expect(await store.uploadedBytes('u-1')).toBe(first.length);
      await store.append('u-1', first.length, streamOf(content.subarray(first.length)));
      store = await opened.reopen();
      expect(await store.complete('u-1', digest)).toEqual({ digest, sizeBytes: content.length });
      store = await opened.reopen();
      expect(await store.complete('u-1', digest)).toEqual({ digest, sizeBytes: content.length });
      expect([await store.stat(digest), await store.uploadedBytes('u-1')]).toEqual([
        { digest, sizeBytes: content.length },
        0,
      ]);
      expect((await bytesOf(await store.get(digest))).equals(content)).toBe(true);
    });

    test('of several writers of one upload at once takes one, and says to the others that it is taken', async () => {
      const outcomes = await Promise.allSettled(
        [1, 2, 3].map((which) => store.append('u-1', 0, streamOf(Buffer.alloc(200_000, which)))),
      );
      const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
      for (const { reason } of lost) expect(reason).toEqual(refused('LIMIT_EXCEEDED'));
      expect(lost).toHaveLength(2);
      const won = outcomes.findIndex((outcome) => outcome.status === 'fulfilled') + 1;
      const own = digestOfBytes(Buffer.alloc(200_000, won));
      expect(await store.complete('u-1', own)).toEqual({ digest: own, sizeBytes: 200_000 });
    });

    test('lets readers leave in the middle: whoever comes after them is served', async () => {
      const large = Buffer.alloc(4_000_000, 'large');
      const { digest: own } = await store.put(streamOf(large));
      for (let reader = 0; reader < 40; reader++) {
        const stream = await store.get(own);
        await new Promise<void>((resolve, reject) => stream.once('data', () => resolve()).once('error', reject));
        stream.destroy();
      }
      expect((await bytesOf(await store.get(own))).equals(large)).toBe(true);
      expect(await store.put(streamOf(content))).toEqual({ digest, sizeBytes: content.length });
    });

    test('never gives out whole what was changed behind it', async () => {
      await store.put(streamOf(content));
      await opened.damage(digest);
      await expect(store.get(digest).then(bytesOf)).rejects.toThrow(/other bytes|damaged/);
    });

    test('is Unavailable while what is beneath it fails, and goes on with what it had acknowledged', async () => {
      await store.append('u-1', 0, streamOf(content.subarray(0, 1_000)));
      const mend = await opened.fail();
      const unavailable = { name: 'Unavailable' };
      await expect(store.put(streamOf(content))).rejects.toMatchObject(unavailable);
      await expect(store.append('u-1', 1_000, streamOf(content.subarray(1_000)))).rejects.toMatchObject(unavailable);
      await mend();
      const kept = await store.uploadedBytes('u-1');
      expect(kept).toBeGreaterThanOrEqual(1_000);
      await store.append('u-1', kept, streamOf(content.subarray(kept)));
      expect(await store.complete('u-1', digest)).toEqual({ digest, sizeBytes: content.length });
    });

    test('holds nothing of what passes through it', async () => {
      const chunk = Buffer.alloc(1_048_576, 'much');
      const chunks = 300;
      const hash = createHash('sha256');
      let peak = 0;
      const much = Readable.from((function* () {
        for (let i = 0; i < chunks; i++) {
          const { arrayBuffers, heapUsed } = process.memoryUsage();
          peak = Math.max(peak, arrayBuffers + heapUsed);
          hash.update(chunk);
          yield chunk;
        }
      })()); // prettier-ignore
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      const { digest: own, sizeBytes } = await store.put(much);
      expect([own, sizeBytes]).toEqual([`sha256:${hash.digest('hex')}`, chunks * chunk.length]);
      expect(peak - arrayBuffers - heapUsed).toBeLessThan(150 * 1_048_576);
      let read = 0;
      for await (const bytes of await store.get(own)) read += (bytes as Buffer).length;
      expect(read).toBe(chunks * chunk.length);
    });

    test('gives addresses past us, where it has any, that carry bytes both ways', async () => {
      if (store.links === null) return;
      const sent = await fetch(await store.links.upload('u-1', 60), { method: 'PUT', body: content });
      expect(sent.status).toBe(200);
      expect(await store.complete('u-1', digest)).toEqual({ digest, sizeBytes: content.length });
      const got = await fetch(await store.links.download(digest, 60, 'model.bin'));
      expect(Buffer.from(await got.arrayBuffer()).equals(content)).toBe(true);
      expect(got.headers.get('content-disposition')).toContain('model.bin');
      await expect(store.links.download(otherDigest, 60, 'x')).rejects.toEqual(refused('NOT_FOUND'));
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
        `x${digest}`,
      ]) {
        await expect(store.get(bad)).rejects.toEqual(refused('INVALID_ARGUMENT'));
        await expect(store.stat(bad)).rejects.toEqual(refused('INVALID_ARGUMENT'));
        await expect(store.complete('u-1', bad)).rejects.toEqual(refused('INVALID_ARGUMENT'));
        await expect(store.put(streamOf(content), { digest: bad })).rejects.toEqual(refused('INVALID_ARGUMENT'));
      }
    });
  });
}

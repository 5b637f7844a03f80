import { createHash, type Hash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { Unavailable } from '#libs/domain/rejection.js';
import {
  checkRange,
  readDigest,
  readUploadId,
  takenUpload,
  unknownArtifact,
  unknownUpload,
  wrongDigest,
  wrongOffset,
  wrongSize,
} from './artifact-names.js';
import { ArtifactSpace } from './artifact-space.js';
import type { ArtifactStat, ArtifactStore } from './artifact-store.js';

export interface DiskArtifactStoreOptions {
  readonly dir: string;
  readonly clock: () => number;
  /** What all artifacts together may take; absent: what the disk has. */
  readonly spaceBytesMax?: number;
  /** Whether this process reads and writes here: true unless said otherwise. One that doesn't leaves the owner's files alone. */
  readonly owned?: boolean;
  /** How what is written or synced is opened; tests put a disk there that fills up, fails, or tells what it has. */
  readonly open?: typeof open;
}

/**
 * A folder: `objects/ab/cdef…` by SHA-256, `uploads/ID` while they grow, `incoming/` while a put runs. A file is complete and on disk
 * before it gets its name among the objects, so what a killed process left is only in the other two. Leftovers of puts go at
 * open, those of uploads when they are stale. One process owns the folder.
 */
export async function openDiskArtifactStore({
  dir,
  clock,
  spaceBytesMax = Infinity,
  owned = true,
  open: openFile = open,
}: DiskArtifactStoreOptions): Promise<ArtifactStore> {
  if (!owned) return new DiskArtifactStore(dir, clock, openFile, await ArtifactSpace.measure(dir, Infinity));
  try {
    await rm(join(dir, 'incoming'), { recursive: true, force: true });
    for (const part of ['objects', 'uploads', 'incoming']) await mkdir(join(dir, part), { recursive: true });
    await sync(openFile, dir);
    return new DiskArtifactStore(dir, clock, openFile, await ArtifactSpace.measure(dir, spaceBytesMax));
  } catch (error) {
    throw unavailable(error);
  }
}

class DiskArtifactStore implements ArtifactStore {
  readonly links = null;
  #puts = 0;
  /** Uploads with an operation under way: two writers of one upload would tear it. */
  readonly #busy = new Set<string>();

  constructor(
    private readonly dir: string,
    private readonly clock: () => number,
    private readonly openFile: typeof open,
    private readonly space: ArtifactSpace,
  ) {}

  async put(bytes: Readable, expected: { digest?: string; sizeBytes?: number } = {}): Promise<ArtifactStat> {
    if (expected.digest !== undefined) readDigest(expected.digest);
    const path = join(this.dir, 'incoming', String(this.#puts++));
    const hash = createHash('sha256');
    let taken = 0;
    const take = (bytes: number): void => {
      this.space.take(bytes);
      taken += bytes;
    };
    try {
      const handle = await this.openFile(path, 'wx');
      let sizeBytes;
      try {
        sizeBytes = await writeStream(handle, 0, bytes, hash, take);
        await handle.sync();
      } finally {
        await handle.close();
      }
      const digest = `sha256:${hash.digest('hex')}`;
      if (expected.digest !== undefined && expected.digest !== digest) throw wrongDigest(expected.digest, digest);
      if (expected.sizeBytes !== undefined && expected.sizeBytes !== sizeBytes) {
        throw wrongSize(expected.sizeBytes, sizeBytes);
      }
      await this.#publish(path, digest, sizeBytes);
      return { digest, sizeBytes };
    } catch (error) {
      await rm(path, { force: true });
      this.space.give(taken);
      throw unavailable(error);
    }
  }

  async uploadedBytes(uploadId: string): Promise<number> {
    return (await sizeOf(this.#upload(uploadId))) ?? 0;
  }

  async append(uploadId: string, offset: number, bytes: Readable): Promise<number> {
    const path = this.#upload(uploadId);
    return this.#alone(uploadId, async () => {
      const kept = (await sizeOf(path)) ?? 0;
      if (kept !== offset) throw wrongOffset(uploadId, kept, offset);
      const handle = await this.openFile(path, 'a');
      try {
        return await this.#grow(handle, offset, bytes);
      } finally {
        await handle.close();
        if (offset === 0) await sync(this.openFile, dirname(path));
      }
    });
  }

  async complete(uploadId: string, digest: string): Promise<ArtifactStat> {
    const path = this.#upload(uploadId);
    readDigest(digest);
    return this.#alone(uploadId, async () => {
      const sizeBytes = await sizeOf(path);
      if (sizeBytes === null) {
        // the answer to an earlier complete may have been lost
        const done = await this.stat(digest);
        if (done) return done;
        throw unknownUpload(uploadId);
      }
      const actual = await digestOf(path);
      await sync(this.openFile, path);
      if (actual !== digest) {
        await rm(path, { force: true });
        this.space.give(sizeBytes);
        throw wrongDigest(digest, actual);
      }
      await this.#publish(path, digest, sizeBytes);
      return { digest, sizeBytes };
    });
  }

  async stat(digest: string): Promise<ArtifactStat | null> {
    const sizeBytes = await sizeOf(this.#object(digest));
    return sizeBytes === null ? null : { digest, sizeBytes };
  }

  /** Bytes that are not what their name says are never handed over whole, and are put aside, so that they can be uploaded again. */
  async get(digest: string, range?: { start: number; end: number }): Promise<Readable> {
    const path = this.#object(digest);
    const handle = await open(path, 'r').catch((error: unknown) => {
      if (isMissing(error)) throw unknownArtifact(digest);
      throw unavailable(error);
    });
    try {
      const { size } = await handle.stat();
      const { start, end } = checkRange(digest, range, size);
      if (size <= checkedWholeBytesMax) {
        const bytes = await readFile(handle);
        await handle.close();
        const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
        if (actual !== digest) throw await this.#putAside(path, digest);
        return Readable.from(start === end ? [] : [bytes.subarray(start, end)]);
      }
      const stream = handle.createReadStream({ start, end: end - 1, highWaterMark: 256 * 1024 });
      if (end - start < size) return stream;
      return Readable.from(
        checked(stream, digest, () => this.#putAside(path, digest)),
        { objectMode: false },
      );
    } catch (error) {
      await handle.close().catch(() => undefined);
      throw error;
    }
  }

  async #putAside(path: string, digest: string): Promise<Unavailable> {
    // another reader may have put them aside
    const aside = await rename(path, `${path}.damaged`).then(() => null, (error: unknown) => (isMissing(error) ? null : error)); // prettier-ignore
    const where =
      aside === null
        ? `were put aside as ${basename(path)}.damaged`
        : `could not be put aside (${(aside as Error).message})`;
    return new Unavailable(
      `artifact ${digest}: the bytes in ${path} are damaged and ${where}. Restore that file from a copy, or upload the artifact again`,
      60_000,
    );
  }

  async removeStaleUploads(olderThanMs: number): Promise<number> {
    const folder = join(this.dir, 'uploads');
    let removed = 0;
    for (const name of await readdir(folder)) {
      if (this.#busy.has(name)) continue;
      // nobody goes on with an upload while it goes, nor sees half of that
      this.#busy.add(name);
      try {
        const { mtimeMs, size } = await stat(join(folder, name));
        if (mtimeMs >= olderThanMs) continue;
        await rm(join(folder, name));
        this.space.give(size);
        removed++;
      } catch (error) {
        // completed since the folder was listed
        if (!isMissing(error)) throw error;
      } finally {
        this.#busy.delete(name);
      }
    }
    return removed;
  }

  async #grow(handle: FileHandle, offset: number, bytes: Readable): Promise<number> {
    let taken = 0;
    const take = (count: number): void => {
      this.space.take(count);
      taken += count;
    };
    try {
      // the sender may break off: what came is kept, to be resumed
      return await writeStream(handle, offset, bytes, null, take).finally(() => handle.sync());
    } catch (error) {
      // the disk failed: nothing behind the durable part is believed, nor synced again (its pages may count as clean)
      if (isDiskError(error)) {
        await handle.truncate(offset);
        this.space.give(taken);
      }
      throw error;
    } finally {
      // the injected clock, so that staleness is judged by one clock
      const now = this.clock() / 1_000;
      await handle.utimes(now, now);
    }
  }

  async #publish(path: string, digest: string, sizeBytes: number): Promise<void> {
    const target = this.#object(digest);
    if ((await sizeOf(target)) !== null) this.space.give(sizeBytes);
    await mkdir(dirname(target), { recursive: true });
    // the same bytes under the same name: whoever comes second replaces a file by its equal
    await rename(path, target);
    await sync(this.openFile, dirname(target));
    await sync(this.openFile, join(this.dir, 'objects'));
  }

  async #alone<Result>(uploadId: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#busy.has(uploadId)) throw takenUpload(uploadId);
    this.#busy.add(uploadId);
    try {
      return await work();
    } catch (error) {
      throw unavailable(error);
    } finally {
      this.#busy.delete(uploadId);
    }
  }

  #upload(uploadId: string): string {
    return join(this.dir, 'uploads', readUploadId(uploadId));
  }

  #object(digest: string): string {
    const hex = readDigest(digest);
    return join(this.dir, 'objects', hex.slice(0, 2), hex.slice(2));
  }
}

/** Smaller ones are read and compared before their first byte is given out. */
const checkedWholeBytesMax = 8 * 1024 * 1024;

/** The last piece is given out when all of them have the right digest: who counts the bytes sees that some are missing. */
async function* checked(
  stream: AsyncIterable<unknown>,
  digest: string,
  damaged: () => Promise<Error>,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | null = null;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (held) yield held;
    held = chunk;
  }
  if (`sha256:${hash.digest('hex')}` !== digest) throw await damaged();
  if (held) yield held;
}

/** Writes the whole stream behind `offset`; resolves with the size then. */
async function writeStream(
  handle: FileHandle,
  offset: number,
  bytes: Readable,
  hash: Hash | null,
  take: (bytes: number) => void,
): Promise<number> {
  let size = offset;
  for await (const chunk of bytes as AsyncIterable<Buffer | string>) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    take(piece.length);
    hash?.update(piece);
    await writeAll(handle, piece);
    size += piece.length;
  }
  return size;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
}

async function digestOf(path: string): Promise<string> {
  const handle = await open(path, 'r');
  const hash = createHash('sha256');
  for await (const chunk of handle.createReadStream({ highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw unavailable(error);
  }
}

/** A file's bytes, or the names in a folder. */
async function sync(openFile: typeof open, path: string): Promise<void> {
  const handle = await openFile(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const diskErrors: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'EFBIG']);

const isDiskError = (error: unknown): error is NodeJS.ErrnoException =>
  diskErrors.has((error as NodeJS.ErrnoException).code ?? '');

/** Errors of the disk as `Unavailable`; everything else (the caller's stream broke, our bug) as it is. */
function unavailable(error: unknown): unknown {
  if (!isDiskError(error)) return error;
  const { code, message } = error;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new Unavailable(
    `artifacts: ${full ? 'the disk is full' : 'the disk failed'} (${message}). ${full ? 'Free some space and try again' : 'Try again'}`,
    full ? 10_000 : 1_000,
    { cause: error },
  );
}

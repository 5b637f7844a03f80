import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { CopyDestinationOptions, CopySourceOptions, type Client } from 'minio';
import type { S3Address } from '#libs/config/s3-address.js';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
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
import type { ArtifactLinks, ArtifactStat, ArtifactStore } from './artifact-store.js';
import { CallerFailed, isMissing, isTaken, openMinioClient, told, unavailable } from './minio-client.js';
import { MinioLinks } from './minio-links.js';
import { partBytes, PartsWriter, piecesOf, putOnce, putWhole, sendParts } from './minio-parts.js';

export interface MinioArtifactStoreOptions {
  readonly address: S3Address;
  readonly clock: () => number;
  readonly randomHex: () => string;
  /** Whether to try the bucket before it is used: true unless said otherwise. */
  readonly check?: boolean;
}

export interface OpenedMinioArtifactStore extends ArtifactStore {
  close(): void;
}

/** Server-side copies end here; more is composed of ranges. */
const copyBytesMax = 5 * 1024 ** 3;

/**
 * A bucket: `objects/ab/cdef…` by SHA-256, `uploads/ID/OFFSET` the pieces of uploads while they grow, `incoming/` puts whose digest
 * is not known before their end. An object appears when all its parts are there and its digest is right. All state is in the
 * bucket: any process goes on with any upload. The store is strongly consistent, as S3 is.
 */
export async function openMinioArtifactStore(options: MinioArtifactStoreOptions): Promise<OpenedMinioArtifactStore> {
  const { address } = options;
  const main = openMinioClient(address);
  const front = address.publicEndpoint === null ? main : openMinioClient(address, address.publicEndpoint);
  const close = (): void => {
    main.close();
    front.close();
  };
  try {
    if (options.check ?? true) await checkBucket(main.client, options);
  } catch (error) {
    close();
    throw error;
  }
  return Object.assign(new MinioArtifactStore(options, main.client, front.client), { close });
}

/** Says at boot what would otherwise be said to the first who logs an artifact. */
async function checkBucket(client: Client, { address, randomHex }: MinioArtifactStoreOptions): Promise<void> {
  const where = `RUNSTREAM_ARTIFACTS: bucket "${address.bucket}" at ${address.endpoint}`;
  const name = `${address.prefix}incoming/check-${randomHex()}`;
  let there: boolean;
  try {
    there = await client.bucketExists(address.bucket);
    if (there) {
      await putWhole(client, address.bucket, name, Buffer.from('may we write?'));
      await client.removeObject(address.bucket, name);
    }
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    throw new Unavailable(`${where} can't be used: ${[code, message].filter(Boolean).join(': ')}`, 1_000, {
      cause: error,
    });
  }
  if (!there) throw new Rejection('NOT_FOUND', `${where} does not exist; create it first`);
}

interface Piece {
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly touchedAt: number;
}

class MinioArtifactStore implements ArtifactStore {
  readonly #bucket: string;
  readonly #prefix: string;
  /** Uploads that this process is writing; another process is noticed by the names of the pieces. */
  readonly #busy = new Set<string>();
  readonly links: ArtifactLinks;

  constructor(
    readonly options: MinioArtifactStoreOptions,
    readonly client: Client,
    front: Client,
  ) {
    this.#bucket = options.address.bucket;
    this.#prefix = options.address.prefix;
    this.links = new MinioLinks({
      client,
      front,
      bucket: this.#bucket,
      randomHex: options.randomHex,
      objectName: (digest) => this.#object(digest),
      pieceName: (uploadId) => this.#piece(uploadId, 0),
      incomingName: (id) => this.#incoming(id),
      stat: (digest) => this.stat(digest),
      adopt: (name, note) => this.#adopt(name, note),
      alone: (id, work) => this.#alone(id, work),
      tell: (work) => this.#tell(work),
    });
  }

  async put(bytes: Readable, expected: { digest?: string; sizeBytes?: number } = {}): Promise<ArtifactStat> {
    const known = expected.digest === undefined ? null : this.#object(expected.digest);
    const name = known ?? this.#incoming(this.options.randomHex());
    return this.#tell(() => this.#write(name, piecesOf(bytes, partBytes), expected));
  }

  async uploadedBytes(uploadId: string): Promise<number> {
    return this.#tell(async () => sizeOf(await this.#pieces(readUploadId(uploadId))));
  }

  async append(uploadId: string, offset: number, bytes: Readable): Promise<number> {
    readUploadId(uploadId);
    return this.#alone(uploadId, async () => {
      let at = sizeOf(await this.#pieces(uploadId));
      if (at !== offset) throw wrongOffset(uploadId, at, offset);
      for await (const piece of piecesOf(bytes, partBytes)) {
        const touched = String(this.options.clock());
        await putOnce(this.client, this.#bucket, this.#piece(uploadId, at), piece, { touched });
        at += piece.length;
      }
      return at;
    });
  }

  async complete(uploadId: string, digest: string): Promise<ArtifactStat> {
    readUploadId(uploadId);
    const target = this.#object(digest);
    return this.#alone(uploadId, async () => {
      const pieces = await this.#pieces(uploadId);
      if (pieces.length === 0) {
        // the answer to an earlier complete may have been lost
        const done = await this.stat(digest);
        if (done) return done;
        throw unknownUpload(uploadId);
      }
      try {
        const stat = await this.#write(target, piecesOf(this.#read(pieces), partBytes), { digest });
        await this.#remove(await this.#listed(uploadId));
        return stat;
      } catch (error) {
        // other bytes than were said: nothing that is kept of them could become right
        if (error instanceof Rejection) await this.#remove(await this.#listed(uploadId));
        // here the stream is the store's own
        throw error instanceof CallerFailed ? unavailable(error.cause) : error;
      }
    });
  }

  async stat(digest: string): Promise<ArtifactStat | null> {
    const name = this.#object(digest);
    return this.#tell(async () => {
      const found = await this.#statObject(name);
      return found && { digest, sizeBytes: found.size };
    });
  }

  async get(digest: string, range?: { start: number; end: number }): Promise<Readable> {
    const name = this.#object(digest);
    return this.#tell(async () => {
      const found = await this.#statObject(name);
      if (!found) throw unknownArtifact(digest);
      const { start, end } = checkRange(digest, range, found.size);
      if (start === end) return Readable.from([]);
      if (range) return this.client.getPartialObject(this.#bucket, name, start, end - start);
      const whole = await this.client.getObject(this.#bucket, name);
      return whole.pipe(verifying(digest, whole));
    });
  }

  async removeStaleUploads(olderThanMs: number): Promise<number> {
    return this.#tell(async () => {
      const stale = (pieces: readonly Piece[]): boolean => Math.max(...pieces.map((p) => p.touchedAt)) < olderThanMs;
      let removed = 0;
      for (const uploadId of await this.#uploadIds()) {
        if (this.#busy.has(uploadId)) continue;
        const kept = await this.#listed(uploadId, 'with touch times');
        if (!stale(kept)) continue;
        await this.#remove(kept);
        removed++;
      }
      removed += await this.#removeIncoming(olderThanMs);
      return removed + (await this.#abortOrphans(olderThanMs));
    });
  }

  /** Streams bytes into the object `name`, or refuses and keeps nothing. A name of `incoming/` is moved to what its digest says. */
  async #write(
    name: string,
    pieces: AsyncIterable<Buffer>,
    expected: { digest?: string; sizeBytes?: number },
  ): Promise<ArtifactStat> {
    const writer = new PartsWriter(this.client, this.#bucket, name);
    try {
      const { sizeBytes, hash, small } = await sendParts(writer, pieces);
      const digest = `sha256:${hash.digest('hex')}`;
      if (expected.digest !== undefined && expected.digest !== digest) throw wrongDigest(expected.digest, digest);
      if (expected.sizeBytes !== undefined && expected.sizeBytes !== sizeBytes)
        throw wrongSize(expected.sizeBytes, sizeBytes);
      const target = this.#object(digest);
      if (small) await putWhole(this.client, this.#bucket, target, small);
      else {
        await writer.complete();
        if (name !== target) await this.#move(name, target, sizeBytes);
      }
      return { digest, sizeBytes };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async #adopt(name: string, note: (stat: ArtifactStat) => Promise<void>): Promise<ArtifactStat | null> {
    if (!(await this.#statObject(name))) return null;
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const chunk of await this.client.getObject(this.#bucket, name)) {
      hash.update(chunk as Buffer);
      sizeBytes += (chunk as Buffer).length;
    }
    const stat = { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
    await note(stat);
    await this.#move(name, this.#object(stat.digest), sizeBytes);
    return stat;
  }

  async #move(from: string, to: string, sizeBytes: number): Promise<void> {
    const source = new CopySourceOptions({ Bucket: this.#bucket, Object: from });
    const target = new CopyDestinationOptions({ Bucket: this.#bucket, Object: to });
    if (sizeBytes <= copyBytesMax) await this.client.copyObject(source, target);
    else await this.client.composeObject(target, [source]);
    await this.client.removeObject(this.#bucket, from);
  }

  async #statObject(name: string): Promise<{ size: number; metaData: Readonly<Record<string, unknown>> } | null> {
    try {
      return await this.client.statObject(this.#bucket, name);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** Everything kept of an upload, in order. */
  async #listed(uploadId: string, touch?: 'with touch times'): Promise<readonly Piece[]> {
    const folder = `${this.#prefix}uploads/${uploadId}/`;
    const found: Piece[] = [];
    for await (const { name, size, lastModified } of this.#list(folder)) {
      const meta = touch ? (await this.#statObject(name))?.metaData : undefined;
      const touchedAt = Number(meta?.['touched'] ?? lastModified.getTime());
      found.push({ name, offset: Number(name.slice(folder.length)), sizeBytes: size, touchedAt });
    }
    return found.sort((a, b) => a.offset - b.offset);
  }

  /** The pieces of an upload that follow each other without a hole, from its beginning. */
  async #pieces(uploadId: string): Promise<readonly Piece[]> {
    const pieces: Piece[] = [];
    for (const piece of await this.#listed(uploadId)) if (piece.offset === sizeOf(pieces)) pieces.push(piece);
    return pieces;
  }

  async #uploadIds(): Promise<readonly string[]> {
    const folder = `${this.#prefix}uploads/`;
    const ids = new Set<string>();
    for await (const { name } of this.#list(folder)) ids.add(name.slice(folder.length).split('/')[0]!);
    return [...ids];
  }

  async *#list(prefix: string): AsyncGenerator<{ name: string; size: number; lastModified: Date }> {
    const items = this.client.listObjectsV2(this.#bucket, prefix, true) as AsyncIterable<{
      name?: string;
      size?: number;
      lastModified?: Date;
    }>;
    for await (const { name, size, lastModified } of items)
      if (name !== undefined) yield { name, size: size ?? 0, lastModified: lastModified ?? new Date(0) };
  }

  async #removeIncoming(olderThanMs: number): Promise<number> {
    const old: string[] = [];
    for await (const { name, lastModified } of this.#list(`${this.#prefix}incoming/`))
      if (lastModified.getTime() < olderThanMs) old.push(name);
    for (const name of old) await this.client.removeObject(this.#bucket, name);
    return old.length;
  }

  /**
   * Multipart uploads that a killed process never ended: they cost space and no list of objects shows them. All of the bucket are asked for,
   * because MinIO lists none by a folder; those it forgot in a restart it removes by itself after a day.
   */
  async #abortOrphans(olderThanMs: number): Promise<number> {
    const parts = this.client.listIncompleteUploads(this.#bucket, '', true) as AsyncIterable<{
      key: string;
      uploadId: string;
      initiated: Date;
    }>;
    let removed = 0;
    for await (const { key, uploadId, initiated } of parts) {
      const ours = ['objects/', 'incoming/', 'uploads/'].some((folder) => key.startsWith(this.#prefix + folder));
      if (!ours || new Date(initiated).getTime() >= olderThanMs) continue;
      await this.client.abortMultipartUpload(this.#bucket, key, uploadId);
      removed++;
    }
    return removed;
  }

  #read(pieces: readonly Piece[]): Readable {
    const { client } = this;
    const bucket = this.#bucket;
    return Readable.from(
      (async function* () {
        for (const { name } of pieces) yield* await client.getObject(bucket, name);
      })(),
    );
  }

  async #remove(pieces: readonly Piece[]): Promise<void> {
    // the last ones first: what is left of an interrupted removal is an upload that begins at its beginning
    for (const { name } of pieces.toReversed()) await this.client.removeObject(this.#bucket, name);
  }

  async #alone<Result>(uploadId: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#busy.has(uploadId)) throw takenUpload(uploadId);
    this.#busy.add(uploadId);
    try {
      return await this.#tell(work);
    } catch (error) {
      throw error instanceof Unavailable && isTaken(error.cause) ? takenUpload(uploadId) : error;
    } finally {
      this.#busy.delete(uploadId);
    }
  }

  async #tell<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw told(error);
    }
  }

  #piece(uploadId: string, offset: number): string {
    return `${this.#prefix}uploads/${uploadId}/${String(offset).padStart(16, '0')}`;
  }

  #incoming(id: string): string {
    return `${this.#prefix}incoming/${id}`;
  }

  #object(digest: string): string {
    const hex = readDigest(digest);
    return `${this.#prefix}objects/${hex.slice(0, 2)}/${hex.slice(2)}`;
  }
}

const sizeOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, piece) => sum + piece.sizeBytes, 0);

/** Passes bytes on and breaks off at the end when they were not those of the digest: a damaged artifact is no artifact. */
function verifying(digest: string, source: Readable): Transform {
  const hash = createHash('sha256');
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const actual = `sha256:${hash.digest('hex')}`;
      done(actual === digest ? null : new Error(`artifact ${digest}: the store holds other bytes (${actual})`));
    },
  });
  source.on('error', (error) => check.destroy(error));
  check.on('close', () => source.destroy());
  return check;
}

import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Client } from 'minio';
import { CallerFailed } from './minio-client.js';

const mib = 1024 * 1024;
/** S3 wants at least 5 MiB of every part but the last and takes 10,000 of them: they grow, so that a terabyte fits and little is held. */
export const partBytes = (number: number): number => (number <= 1_000 ? 8 : number <= 2_000 ? 32 : 128) * mib;

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64');

/** The caller's bytes in pieces of the sizes asked for, the last one shorter. What came before a broken stream is given out first. */
export async function* piecesOf(bytes: Readable, sizeOf: (number: number) => number): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let number = 1;
  let broken: CallerFailed | null = null;
  const source = bytes[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
  for (;;) {
    let next: IteratorResult<Buffer | string>;
    try {
      next = await source.next();
    } catch (error) {
      broken = new CallerFailed('the sender broke off', { cause: error });
      break;
    }
    if (next.done === true) break;
    const chunk = typeof next.value === 'string' ? Buffer.from(next.value) : next.value;
    held.push(chunk);
    heldBytes += chunk.length;
    while (heldBytes >= sizeOf(number)) {
      const all = Buffer.concat(held);
      const size = sizeOf(number++);
      held = [all.subarray(size)];
      heldBytes = all.length - size;
      yield all.subarray(0, size);
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held);
  if (broken) throw broken;
}

/** Bytes that become one object, or nothing: S3 shows an object only when all its parts are completed. */
export class PartsWriter {
  readonly #etags: { part: number; etag: string }[] = [];
  #uploadId: string | null = null;

  constructor(
    readonly client: Client,
    readonly bucket: string,
    readonly name: string,
  ) {}

  async add(bytes: Buffer): Promise<void> {
    this.#uploadId ??= await this.client.initiateNewMultipartUpload(this.bucket, this.name, {});
    const part = this.#etags.length + 1;
    const { etag } = await this.client.uploadPart(
      {
        bucketName: this.bucket,
        objectName: this.name,
        uploadID: this.#uploadId,
        partNumber: part,
        // the store refuses a part that was changed on its way
        headers: { 'content-md5': md5(bytes) },
      },
      bytes,
    );
    this.#etags.push({ part, etag });
  }

  async complete(): Promise<void> {
    if (this.#uploadId === null) throw new Error(`${this.name}: nothing was added`);
    await this.client.completeMultipartUpload(this.bucket, this.name, this.#uploadId, this.#etags);
    this.#uploadId = null;
  }

  /** Gives back what was uploaded. When that fails too, `removeStaleUploads` finds it later. */
  async abort(): Promise<void> {
    const id = this.#uploadId;
    this.#uploadId = null;
    if (id !== null) await this.client.abortMultipartUpload(this.bucket, this.name, id).catch(() => undefined);
  }
}

export interface Streamed {
  readonly sizeBytes: number;
  readonly hash: Hash;
  /** All of it, when it fits into one part: then nothing was uploaded yet. */
  readonly small: Buffer | null;
}

/** Sends a stream as parts while it is hashed; one part is on its way while the next one fills. */
export async function sendParts(writer: PartsWriter, pieces: AsyncIterable<Buffer>): Promise<Streamed> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let first: Buffer | null = null;
  let sending: Promise<void> = Promise.resolve();
  try {
    for await (const piece of pieces) {
      hash.update(piece);
      const alone = sizeBytes === 0;
      sizeBytes += piece.length;
      if (alone) {
        first = piece;
        continue;
      }
      await sending;
      const before = first;
      first = null;
      sending = (before === null ? Promise.resolve() : writer.add(before)).then(() => writer.add(piece));
      // awaited before the next part; until then a failure is nobody's
      sending.catch(() => undefined);
    }
  } finally {
    await sending;
  }
  return { sizeBytes, hash, small: sizeBytes === 0 ? Buffer.alloc(0) : first };
}

export async function putWhole(client: Client, bucket: string, name: string, bytes: Buffer): Promise<void> {
  await client.makeRequestAsyncOmit(
    { method: 'PUT', bucketName: bucket, objectName: name, headers: { 'content-md5': md5(bytes) } },
    bytes,
  );
}

/** Puts an object only if there is none of that name; the failure of a second one is `isTaken`. */
export async function putOnce(
  client: Client,
  bucket: string,
  name: string,
  bytes: Buffer,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const own = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`x-amz-meta-${key}`, value]));
  const headers = { 'content-md5': md5(bytes), 'if-none-match': '*', ...own };
  await client.makeRequestAsyncOmit({ method: 'PUT', bucketName: bucket, objectName: name, headers }, bytes);
}

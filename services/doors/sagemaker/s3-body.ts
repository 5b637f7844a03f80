import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { artifactBody } from '../../http/artifact-body.js';
import { AwsError } from '../../http/aws-error.js';
import { chunkCheckOf, type ChunkCheck } from '../../http/signed-chunks.js';

/** Checksums that are checked; of others a client may be told by reading back. */
interface Sum {
  update(chunk: Buffer): void;
  /** In base64. */
  end(): string;
}
const hashed = (name: string) => (): Sum => {
  const hash = createHash(name);
  return { update: (chunk) => void hash.update(chunk), end: () => hash.digest('base64') };
};
const sums: Readonly<Record<string, () => Sum>> = {
  'content-md5': hashed('md5'),
  'x-amz-checksum-sha1': hashed('sha1'),
  'x-amz-checksum-sha256': hashed('sha256'),
  'x-amz-checksum-crc32': () => {
    let value = 0;
    return {
      update: (chunk) => (value = crc32(chunk, value)),
      end: () => {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(value);
        return bytes.toString('base64');
      },
    };
  },
};

const bad = (code: string, message: string): AwsError => new AwsError(code, message, 400);

/** The bytes of an object as they come, out of their chunks, and what was said of them checked when all have come. */
export function objectBody({ raw, headers }: FastifyRequest, bytesMax: number): Readable {
  const source = artifactBody(raw, bytesMax);
  const chunked =
    /(^|[,\s])aws-chunked/.test(headers['content-encoding'] ?? '') || isStreamed(headers['x-amz-content-sha256']);
  const trailers = new Map<string, string>();
  const plain = chunked ? unchunked(source, trailers, chunkCheckOf(raw)) : (source as AsyncIterable<Buffer>);
  const named = Object.keys(sums).filter((name) => headers[name] !== undefined || headers['x-amz-trailer'] === name);
  const declared = headers['x-amz-decoded-content-length'];
  async function* checkedBytes(): AsyncGenerator<Buffer> {
    const running = named.map((name) => ({ name, sum: sums[name]!() }));
    let bytes = 0;
    for await (const chunk of plain) {
      bytes += chunk.length;
      for (const { sum } of running) sum.update(chunk);
      yield chunk;
    }
    if (typeof declared === 'string' && Number(declared) !== bytes)
      throw bad('IncompleteBody', `${bytes} bytes came; ${declared.slice(0, 20)} were announced.`);
    for (const { name, sum } of running) {
      const said = headers[name] ?? trailers.get(name);
      if (said !== undefined && said !== sum.end())
        throw bad('BadDigest', `The ${name} you specified did not match what we received.`);
    }
  }
  return Readable.from(checkedBytes(), { objectMode: false });
}
const isStreamed = (hash: unknown): boolean => typeof hash === 'string' && hash.startsWith('STREAMING-');

const lineBytesMax = 8_192;
const torn = (): AwsError => bad('IncompleteBody', 'The chunks of the body are torn.');

/** `<size in hex>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailer>\r\n\r\n` */
async function* unchunked(
  source: AsyncIterable<Buffer>,
  trailers: Map<string, string>,
  check: ChunkCheck | null,
): AsyncGenerator<Buffer> {
  const lines: string[] = [];
  let signature: string | undefined;
  let rest: Buffer = Buffer.alloc(0);
  let left = 0;
  let state = 'size' as 'size' | 'bytes' | 'end' | 'trailer';
  for await (const piece of source) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (;;) {
      if (state === 'bytes') {
        if (rest.length === 0) break;
        const some = rest.subarray(0, left);
        rest = rest.subarray(some.length);
        left -= some.length;
        check?.update(some);
        yield some;
        if (left > 0) break;
        check?.endChunk(signature);
        state = 'end';
      }
      const end = rest.indexOf('\r\n');
      if (end < 0) {
        if (rest.length > lineBytesMax) throw torn();
        break;
      }
      const line = rest.toString('latin1', 0, end);
      rest = rest.subarray(end + 2);
      if (state === 'end') {
        if (line !== '') throw torn();
        state = 'size';
      } else if (state === 'size') {
        const [, size, said = ''] = /^([0-9a-fA-F]{1,12})(;.*)?$/.exec(line) ?? [];
        if (size === undefined) throw torn();
        signature = /;chunk-signature=(\w*)/.exec(said)?.[1];
        left = parseInt(size, 16);
        state = left === 0 ? 'trailer' : 'bytes';
        if (left === 0) check?.endChunk(signature);
      } else {
        const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? [];
        if (name === undefined) continue;
        trailers.set(name.toLowerCase(), value!.trim());
        if (name.toLowerCase() !== trailerSignature) lines.push(`${name.toLowerCase()}:${value!.trim()}`);
        if (trailers.size > 10) throw torn();
      }
    }
  }
  if (state !== 'trailer') throw torn();
  check?.end(lines, trailers.get(trailerSignature));
}
const trailerSignature = 'x-amz-trailer-signature';

import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import * as zlib from 'node:zlib';
import { Decompress } from 'fzstd';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';

const tooLarge = (what: string, max: number): Rejection =>
  new Rejection('TOO_LARGE', `body: ${what} is larger than ${max} bytes; send smaller batches`, 'body');

/** The whole request body, inflated; both sizes are bounded before the memory is taken. */
export async function readBody(request: IncomingMessage, bytesMax: number = limits.bodyBytesMax): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > bytesMax) throw tooLarge(`content-length ${declared}`, bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge('the request body', bytesMax);
    chunks.push(chunk);
  }
  const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  return decompress(body, (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase());
}

type Inflate = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;
const nativeZstd = (zlib as { zstdDecompress?: unknown }).zstdDecompress;
const inflaters: Readonly<Record<string, Inflate>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  // Node has zstd from 22.15 on; before that a decoder in JavaScript
  zstd:
    typeof nativeZstd === 'function'
      ? promisify(nativeZstd as typeof gunzip)
      : (body, { maxOutputLength }) => Promise.resolve(zstdInflate(body, maxOutputLength)),
};

async function decompress(body: Buffer, encoding: string): Promise<Buffer> {
  if (encoding === 'identity' || encoding === '') return body;
  const inflater = inflaters[encoding];
  if (!inflater) {
    throw new Rejection(
      'INVALID_ARGUMENT',
      `content-encoding: "${encoding}" is not one of ${Object.keys(inflaters).join(', ')}`,
      'content-encoding',
    );
  }
  try {
    return await inflater(body, { maxOutputLength: limits.bodyInflatedBytesMax });
  } catch (error) {
    if (error instanceof Rejection) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge('the inflated body', limits.bodyInflatedBytesMax);
    throw new Rejection('INVALID_ARGUMENT', `body: not valid ${encoding}: ${(error as Error).message}`, 'body');
  }
}

function zstdInflate(body: Buffer, bytesMax: number): Buffer {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let ended = false;
  const stream = new Decompress((chunk, final) => {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge('the inflated body', bytesMax);
    if (chunk.length > 0) chunks.push(chunk.slice());
    ended ||= final === true;
  });
  // in slices, so that a bomb is noticed before it has grown
  for (let at = 0; at < body.length; at += 65_536)
    stream.push(body.subarray(at, at + 65_536), at + 65_536 >= body.length);
  if (!ended) throw new Rejection('INVALID_ARGUMENT', 'body: not valid zstd: it ends in the middle of a frame', 'body');
  return Buffer.concat(chunks);
}

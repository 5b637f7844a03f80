import { pipeline, type Duplex } from 'node:stream';
import * as zlib from 'node:zlib';
import { Rejection } from '#libs/domain/rejection.js';
import { inflatedZstd } from './inflate-zstd.js';

export interface InflateOptions {
  readonly bytesMax: number;
  /** Told of memory that is held besides what is given. */
  readonly take: (bytes: number) => void;
}

const zstd = (zlib as { createZstdDecompress?: () => Duplex }).createZstdDecompress;
const inflaters: Readonly<Record<string, () => Duplex>> = {
  gzip: zlib.createGunzip,
  'x-gzip': zlib.createGunzip,
  deflate: zlib.createInflate,
  br: zlib.createBrotliDecompress,
  // Node has it from 22.15 on
  ...(zstd ? { zstd } : {}),
};
const known = ['gzip', 'x-gzip', 'deflate', 'br', 'zstd'];

/** The bytes behind a content-encoding, piece by piece: whoever reads them stops a bomb when it has grown too large. */
export async function* inflated(
  source: AsyncIterable<Uint8Array>,
  encoding: string,
  options: InflateOptions,
): AsyncGenerator<Uint8Array> {
  if (encoding === 'identity' || encoding === '') {
    yield* source;
    return;
  }
  if (!known.includes(encoding)) {
    throw new Rejection(
      'INVALID_ARGUMENT',
      `content-encoding: "${encoding.slice(0, 100)}" is not one of ${known.join(', ')}`,
      'content-encoding',
    );
  }
  const inflater = inflaters[encoding];
  try {
    if (!inflater) yield* inflatedZstd(source, options);
    else yield* pipeline(source, inflater(), () => {}) as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof Rejection || code === 'ECONNRESET') throw error;
    throw new Rejection('INVALID_ARGUMENT', `body: not valid ${encoding}: ${message}`, 'body');
  }
}

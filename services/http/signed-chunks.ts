import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AwsError } from './aws-error.js';
import { sha256 } from './sigv4.js';

/** A body in chunks of which each is signed over the one before it (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html). */
export const signedPayload = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
export const signedTrailerPayload = `${signedPayload}-TRAILER`;

export interface ChunkSeed {
  /** The signature of the request: the first chunk is signed over it. */
  readonly signature: string;
  readonly key: Buffer;
  readonly timestamp: string;
  readonly scope: string;
  /** What follows the last chunk is signed as well. */
  readonly trailer: boolean;
}

/** Sees the chunks of one body pass by. */
export interface ChunkCheck {
  update(bytes: Uint8Array): void;
  /** After the last byte of each chunk, the empty one at the end as well. */
  endChunk(signature: string | undefined): void;
  /** After the last line; `lines` are the trailing headers as they came, without the signature. */
  end(lines: readonly string[], signature: string | undefined): void;
}

const seedOf = Symbol('chunk seed');
type Seeded = IncomingMessage & { [seedOf]?: ChunkSeed };
const wrong = (): AwsError =>
  new AwsError(
    'SignatureDoesNotMatch',
    'The signature of a chunk of the body does not match what we calculated. Check your AWS Secret Access Key and signing method.',
    403,
  );

export function expectChunks(request: IncomingMessage, seed: ChunkSeed): void {
  (request as Seeded)[seedOf] = seed;
}

/** null where the chunks of this request need not be signed. */
export function chunkCheckOf(request: IncomingMessage): ChunkCheck | null {
  const seed = (request as Seeded)[seedOf];
  return seed ? checkChunks(seed) : null;
}

export function checkChunks({ signature, key, timestamp, scope, trailer }: ChunkSeed): ChunkCheck {
  let before = signature;
  let hash = createHash('sha256');
  const sign = (kind: string, ...hashes: readonly string[]): string => {
    const text = [`AWS4-HMAC-SHA256-${kind}`, timestamp, scope, before, ...hashes].join('\n');
    return createHmac('sha256', key).update(text).digest('hex');
  };
  const compare = (expected: string, given: string | undefined): void => {
    const [left, right] = [Buffer.from(expected), Buffer.from(given ?? '')];
    if (left.length !== right.length || !timingSafeEqual(left, right)) throw wrong();
    before = expected;
  };
  return {
    update: (bytes) => void hash.update(bytes),
    endChunk(given) {
      compare(sign('PAYLOAD', sha256(''), hash.digest('hex')), given);
      hash = createHash('sha256');
    },
    end(lines, given) {
      if (trailer) compare(sign('TRAILER', sha256(lines.map((line) => `${line}\n`).join(''))), given);
      else if (lines.length > 0 || given !== undefined) throw wrong();
    },
  };
}

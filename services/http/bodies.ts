import type { IncomingMessage } from 'node:http';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';
import { BodyBudget } from './body-budget.js';
import { inflated } from './inflate.js';
import { readJson, type JsonBounds } from './read-json.js';
import { heldPace, paced } from './pace.js';

/** What one door takes. Bytes as they come and as they are when inflated; values of JSON, if it is JSON. */
export interface BodyBounds extends JsonBounds {
  readonly bytesMax: number;
  readonly inflatedBytesMax: number;
}

export const eventsBounds: BodyBounds = {
  bytesMax: limits.bodyBytesMax,
  inflatedBytesMax: limits.bodyInflatedBytesMax,
  valuesMax: 1_000_000,
};
const mebibyte = 1024 * 1024;
export const queryBounds: BodyBounds = { bytesMax: mebibyte, inflatedBytesMax: mebibyte, valuesMax: 100_000 };
export const commandBounds: BodyBounds = { bytesMax: 10_000, inflatedBytesMax: 10_000, valuesMax: 1_000 };

export interface Body {
  readonly bytes: Buffer;
  /** Parsed in pieces where it is long, so that others are served meanwhile. */
  json(): Promise<unknown>;
}

/** A parsed value's share of memory, about. */
const valueBytes = 48;

/** The one way to read a request's body: bounded in bytes, in what they inflate to, in time, and in all bodies together. */
export class Bodies {
  readonly #budget = new BodyBudget();

  /** Reads the body and holds its memory until `work` is done. */
  async use<T>(request: IncomingMessage, bounds: BodyBounds, work: (body: Body) => Promise<T> | T): Promise<T> {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > bounds.bytesMax) throw tooLarge(`content-length ${declared}`, bounds.bytesMax);
    const lease = this.#budget.lease();
    try {
      const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
      const take = (bytes: number): void => lease.take(bytes);
      const packed = bounded(paced(request, heldPace), 'the request body', bounds.bytesMax);
      const chunks: Uint8Array[] = [];
      for await (const chunk of bounded(
        inflated(packed, encoding, { bytesMax: bounds.inflatedBytesMax, take }),
        encoding === 'identity' ? 'the request body' : 'the inflated body',
        bounds.inflatedBytesMax,
      )) {
        take(chunk.length);
        chunks.push(chunk);
      }
      const bytes =
        chunks.length === 1
          ? Buffer.from(chunks[0]!.buffer, chunks[0]!.byteOffset, chunks[0]!.length)
          : Buffer.concat(chunks);
      const json = (): Promise<unknown> => readJson(bytes, bounds, (values) => take(values * valueBytes));
      return await work({ bytes, json });
    } finally {
      lease.release();
    }
  }
}

export const tooLarge = (what: string, max: number): Rejection =>
  new Rejection('TOO_LARGE', `body: ${what} is larger than ${max} bytes; send smaller batches`, 'body');

async function* bounded<Chunk extends Uint8Array>(
  source: AsyncIterable<Chunk>,
  what: string,
  max: number,
): AsyncGenerator<Chunk> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > max) throw tooLarge(what, max);
    yield chunk;
  }
}

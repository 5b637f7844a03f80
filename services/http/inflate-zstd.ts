import { Decompress } from 'fzstd';
import { breathe } from './breathe.js';
import type { InflateOptions } from './inflate.js';

/** What the format asks every decoder to have; a frame that wants more would have us take that memory for a few bytes. */
const windowBytesMax = 8 * 1024 * 1024;
/** Each block moves the whole window, and holds up to 128 KiB: twice of what 64 MiB need. */
const blocksMax = 1_024;

/** zstd for a Node without it. Its frames are walked before anything is inflated: sizes are there to be checked. */
export async function* inflatedZstd(
  source: AsyncIterable<Uint8Array>,
  { take }: InflateOptions,
): AsyncGenerator<Uint8Array> {
  const packed: Uint8Array[] = [];
  for await (const chunk of source) {
    take(chunk.length);
    packed.push(chunk);
  }
  const body = Buffer.concat(packed);
  let out: Uint8Array[] = [];
  const stream = new Decompress((chunk) => {
    // a view of memory that the decoder goes on with
    if (chunk.length > 0) out.push(chunk.slice());
  });
  let from = 0;
  for (const end of zstdEnds(body)) {
    stream.push(body.subarray(from, end), end === body.length);
    from = end;
    const ready = out;
    out = [];
    yield* ready;
    await breathe();
  }
}

/** Where each block of the frames ends; the last one is the end of the body. Throws when it is none, or wants too much. */
export function zstdEnds(body: Buffer): readonly number[] {
  const ends: number[] = [];
  const need = (at: number): void => {
    if (at > body.length) throw new Error('it ends in the middle of a frame');
  };
  let at = 0;
  while (at < body.length) {
    need(at + 8);
    const magic = body.readUInt32LE(at);
    if (magic >>> 4 === 0x184d2a5) {
      at += 8 + body.readUInt32LE(at + 4);
      need(at);
      ends.push(at);
      continue;
    }
    if (magic !== 0xfd2fb528) throw new Error('there is no frame');
    const flags = body[at + 4]!;
    const single = (flags >> 5) & 1;
    const sizeBytes = flags >> 6 ? 1 << (flags >> 6) : single;
    const headerBytes = 6 - single + [0, 1, 2, 4][flags & 3]! + sizeBytes;
    need(at + headerBytes);
    const windowBytes = single
      ? readLittle(body, at + headerBytes - sizeBytes, sizeBytes) + (sizeBytes === 2 ? 256 : 0)
      : windowOf(body[at + 5]!);
    if (windowBytes > windowBytesMax) throw new Error(`its window is larger than ${windowBytesMax} bytes`);
    at += headerBytes;
    for (let last = false; !last;) {
      need(at + 3);
      const header = body.readUIntLE(at, 3);
      last = (header & 1) === 1;
      at += 3 + ((header >> 1) & 3 ? (((header >> 1) & 3) === 1 ? 1 : header >> 3) : header >> 3);
      need(at);
      if (last) at += flags & 4;
      need(at);
      ends.push(at);
      if (ends.length > blocksMax) throw new Error(`it has more than ${blocksMax} blocks`);
    }
  }
  return ends;
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function readLittle(body: Buffer, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + body[at + i]!;
  return value;
}

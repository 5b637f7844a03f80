import { describe, expect, it } from 'vitest';
import { inflatedZstd, zstdEnds } from './inflate-zstd.js';

const magic = [0x28, 0xb5, 0x2f, 0xfd];
/** A block of one byte repeated, and one as it is. */
const repeated = (size: number, byte: number, last: boolean): number[] => {
  const header = (size << 3) | 2 | Number(last);
  return [header & 255, (header >> 8) & 255, header >> 16, byte];
};
const plain = (bytes: readonly number[], last: boolean): number[] => {
  const header = (bytes.length << 3) | Number(last);
  return [header & 255, (header >> 8) & 255, header >> 16, ...bytes];
};
const window = (exponent: number): number => exponent << 3;
async function inflate(body: Buffer): Promise<Buffer> {
  const out: Uint8Array[] = [];
  async function* source() {
    yield body.subarray(0, 5);
    yield body.subarray(5);
  }
  let held = 0;
  for await (const chunk of inflatedZstd(source(), { bytesMax: 2 ** 26, take: (bytes) => (held += bytes) }))
    out.push(chunk);
  expect(held).toBe(body.length);
  return Buffer.concat(out);
}

describe('zstd without the engine’s own', () => {
  it('inflates frames, one after the other, with what may be skipped between them', async () => {
    const frame = [...magic, 0, window(7), ...repeated(100_000, 65, false), ...plain([66, 67], true)];
    const skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    const one = Buffer.concat([Buffer.alloc(100_000, 65), Buffer.from('BC')]);
    expect(await inflate(Buffer.from(frame))).toEqual(one);
    expect(await inflate(Buffer.from([...frame, ...skipped, ...frame]))).toEqual(Buffer.concat([one, one]));
  });

  it('takes no memory for a window that a few bytes claim', () => {
    expect(() => zstdEnds(Buffer.from([...magic, 0, window(21), ...plain([1], true)]))).toThrow(/window/);
    const single = [...magic, 0b1110_0000, 255, 255, 255, 127, 0, 0, 0, 0, ...plain([1], true)];
    expect(() => zstdEnds(Buffer.from(single))).toThrow(/window/);
  });

  it('refuses what ends in the middle, is none, or has blocks without end', () => {
    const frame = Buffer.from([...magic, 0, window(7), ...repeated(9, 65, false), ...plain([66, 67], true)]);
    for (let length = 1; length < frame.length; length++) expect(() => zstdEnds(frame.subarray(0, length))).toThrow();
    expect(() => zstdEnds(Buffer.from('hello, this is text'))).toThrow(/no frame/);
    const many = Array.from({ length: 1_100 }, () => repeated(1, 65, false)).flat();
    expect(() => zstdEnds(Buffer.from([...magic, 0, window(7), ...many, ...plain([1], true)]))).toThrow(/blocks/);
  });
});

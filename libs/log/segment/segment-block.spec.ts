import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { crc32c } from './crc32c.js';
import {
  blockHeaderBytes,
  blockIntact,
  packPayload,
  readBlockHeader,
  unpackPayload,
  writeBlockHeader,
} from './segment-block.js';

const place = {
  records: 3,
  baseOffset: 2 ** 40 + 1,
  appendedAt: 1_700_000_000_000.5,
  position: 4_000_000_000,
  groupPosition: 17,
};

/** Noise that is the same each time (mulberry32). */
function noise(length: number): Buffer {
  let state = 7;
  const bytes = Uint8Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t >>> 13) & 255;
  });
  return Buffer.from(bytes.buffer);
}

describe('a block', () => {
  test('comes back whole, deflated when that saves bytes', async () => {
    for (const [raw, deflated] of [[Buffer.alloc(10_000, 'loss'), true], [Buffer.from('short'), false], [Buffer.alloc(0), false]] as const) {
      const payload = await packPayload(raw);
      const bytes = Buffer.concat([writeBlockHeader(payload, place), payload.bytes]);
      const header = readBlockHeader(bytes, 0)!;
      expect(header).toMatchObject({ ...place, deflated });
      expect(blockIntact(bytes, 0, header)).toBe(true);
      expect((await unpackPayload(header, payload.bytes)).equals(raw)).toBe(true);
    } // prettier-ignore
  });

  test('with any bit flipped is not intact', async () => {
    const payload = await packPayload(Buffer.from('some payload of a block'));
    const bytes = Buffer.concat([writeBlockHeader(payload, place), payload.bytes]);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const header = readBlockHeader(damaged, 0);
      expect(header !== null && blockIntact(damaged, 0, header), `bit ${bit}`).toBe(false);
    }
  });

  test('lies on the disk as every earlier version has written it', () => {
    const bytes = Buffer.from('payload');
    const header = writeBlockHeader({ bytes, inflatedBytes: 99, deflated: true, crc: crc32c(bytes) }, place);
    const rest = '07000000' + '63000000' + '03000000' + '01000000' + '0010000000007042' + '00088056febc7842' + '00286bee' + '11000000'; // prettier-ignore
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(crc32c(Buffer.concat([bytes, Buffer.from(rest, 'hex')])));
    expect(header.toString('hex')).toBe(`52534c31${crc.toString('hex')}${rest}`);
  });

  test('is found where it lies, and not where bytes end too early', async () => {
    const payload = await packPayload(Buffer.from('some payload'));
    const block = Buffer.concat([writeBlockHeader(payload, place), payload.bytes]);
    const bytes = Buffer.concat([Buffer.from('what lies before'), block, block]);
    for (const at of [16, 16 + block.length]) {
      const header = readBlockHeader(bytes, at)!;
      expect(header).toMatchObject({ ...place, payloadBytes: 12 });
      expect(blockIntact(bytes, at, header)).toBe(true);
      expect(blockIntact(bytes, at + 1, header)).toBe(false);
    }
    expect([readBlockHeader(bytes, 0), readBlockHeader(bytes, 17), readBlockHeader(bytes, bytes.length)]).toEqual([null, null, null]); // prettier-ignore
    for (const length of [0, 3, 4, 24, blockHeaderBytes - 1])
      expect(readBlockHeader(block.subarray(0, length), 0)).toBeNull();
    const header = readBlockHeader(block.subarray(0, blockHeaderBytes), 0)!;
    expect(blockIntact(block, 0, header)).toBe(true);
    for (const length of [blockHeaderBytes, block.length - 1])
      expect(blockIntact(block.subarray(0, length), 0, header)).toBe(false);
  });

  test('of a kind that this program does not know is not read', async () => {
    const bytes = writeBlockHeader(await packPayload(Buffer.alloc(0)), place);
    bytes.writeUInt32LE(2, 20);
    expect(readBlockHeader(bytes, 0)).toBeNull();
  });
});

describe('the payload of a block', () => {
  test('is deflated from half a kibibyte on, by a checksum of what lies on the disk', async () => {
    expect((await packPayload(Buffer.alloc(511, 'loss'))).deflated).toBe(false);
    const { bytes, deflated, inflatedBytes, crc } = await packPayload(Buffer.alloc(512, 'loss'));
    expect([deflated, inflatedBytes, crc]).toEqual([true, 512, crc32c(bytes)]);
    expect(bytes.length).toBeLessThan(50);
  });

  test.each([1_000, 100_000])('is left as it is where it is a noisy curve of %i bytes', async (length) => {
    const curve = Float64Array.from(
      noise(length / 8),
      (byte, i) => 2.5 * (1 + byte / 256) * Math.exp((-80 * i) / length),
    );
    const raw = Buffer.from(curve.buffer);
    const { bytes, ...rest } = await packPayload(raw);
    expect(rest).toEqual({ inflatedBytes: length, deflated: false, crc: crc32c(raw) });
    expect(bytes).toBe(raw);
  });

  test('is looked at all over: one that begins with noise and goes on as text is deflated', async () => {
    const raw = Buffer.concat([noise(2_000), Buffer.alloc(60_000, 'epoch 3: loss 0.25\n')]);
    const { bytes, deflated } = await packPayload(raw);
    expect(deflated).toBe(true);
    expect(bytes.length).toBeLessThan(5_000);
  });

  test('is left as it is where deflating it has hardly saved anything', async () => {
    // regular at the places that are looked at, noise between them
    const raw = noise(11 * 1_024);
    for (let at = 0; at < raw.length; at += 11) raw[at] = 0;
    const saved = 1 - deflateRawSync(raw, { level: 1 }).length / raw.length;
    expect(saved).toBeGreaterThan(0.01);
    expect(saved).toBeLessThan(0.1);
    expect((await packPayload(raw)).deflated).toBe(false);
  });

  test('never inflates to more than its header says', async () => {
    const bytes = deflateRawSync(Buffer.alloc(10_000_000));
    const header = {
      ...readBlockHeader(writeBlockHeader(await packPayload(Buffer.alloc(0)), place), 0)!,
      deflated: true,
    };
    const inflated = (inflatedBytes: number): Promise<unknown> =>
      unpackPayload({ ...header, inflatedBytes }, bytes).then(
        ({ length }) => length,
        (error: unknown) => (error as NodeJS.ErrnoException).code,
      );
    expect([await inflated(0), await inflated(9_999_999)]).toEqual(['ERR_BUFFER_TOO_LARGE', 'ERR_BUFFER_TOO_LARGE']);
    expect(await inflated(10_000_000)).toBe(10_000_000);
  });
});

import { expect, test } from 'vitest';
import { crc32c } from './crc32c.js';

/** Bit by bit, as the polynomial says. */
function slowly(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

// the first of the file: it makes the tables
test('crc32c is the CRC of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  // every byte value goes through every table
  for (const length of [256, 255 * 16, 4_099]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 4)) & 255);
    expect(crc32c(bytes), `${length} bytes`).toBe(slowly(bytes));
  }
});

test('wherever the bytes lie in memory, however many, and whatever follows them', () => {
  for (let length = 0; length < 70; length++)
    for (let shift = 0; shift < 8; shift++) {
      const bytes = new Uint8Array(length + shift + 32).fill(255).subarray(shift, shift + length);
      for (let i = 0; i < length; i++) bytes[i] = (i * 167 + length) & 255;
      expect(crc32c(bytes), `${length} bytes at ${shift}`).toBe(slowly(bytes));
    }
});

test('in two pieces as in one', () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 37);
  for (let split = 0; split <= bytes.length; split++)
    expect(crc32c(bytes.subarray(split), crc32c(bytes.subarray(0, split)))).toBe(slowly(bytes));
});

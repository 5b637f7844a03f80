import { describe, expect, it } from 'vitest';
import { Unreadable } from '#libs/domain/rejection.js';
import { decodeOtlp } from './otlp-codec.js';

/** A field by number: bytes with their length in front. */
const field = (number: number, ...bytes: readonly number[]): number[] => [(number << 3) | 2, bytes.length, ...bytes];
const varint = (value: bigint): number[] => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
};
const fixed = (number: number, value: bigint): number[] => [
  (number << 3) | 1,
  ...Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n)),
];
const exported = (...span: readonly number[]): Uint8Array =>
  Uint8Array.from(field(1, ...field(2, ...field(2, ...span))));
const spanOf = (bytes: Uint8Array) => decodeOtlp(bytes).resourceSpans[0]!.scopeSpans![0]!.spans![0]!;

describe('exports of OpenTelemetry', () => {
  it.each([0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)])('keep the whole number %s exactly', (value) => {
    const attribute = field(9, ...field(1, 0x6b), ...field(2, 3 << 3, ...varint(value)));
    expect(spanOf(exported(...attribute)).attributes![0]).toMatchObject({ key: 'k', value: { intValue: value } });
  });

  it.each([0n, 1_700_000_000_000_000_001n, 2n ** 64n - 1n])('keep the time %s to the nanosecond', (time) => {
    expect(spanOf(exported(...fixed(7, time), ...fixed(99, 5n))).startTimeUnixNano).toBe(time);
  });

  it.each([
    ['bytes that are none', [0xff, 0xff, 0xff]],
    ['a length beyond the end', [10, 200, 1]],
    ['a number that ends in the middle', [...exported(...field(9, ...field(2, 3 << 3, 128, 128)))]],
    ['a number without an end', [...exported(...field(9, ...field(2, 3 << 3, ...Array<number>(12).fill(255))))]],
    ['a time that ends in the middle', [...exported((7 << 3) | 1, 1, 2, 3)]],
    ['values in values without end', nested(200)],
  ])('refuse %s', (_, bytes) => {
    expect(() => decodeOtlp(Uint8Array.from(bytes))).toThrow(Unreadable);
  });
});

function nested(levels: number): number[] {
  let value: number[] = [];
  const wrap = (number: number, bytes: readonly number[]): number[] => [
    (number << 3) | 2,
    ...varint(BigInt(bytes.length)),
    ...bytes,
  ];
  for (let i = 0; i < levels; i++) value = wrap(5, wrap(1, value));
  return wrap(1, wrap(2, wrap(2, wrap(9, wrap(2, value)))));
}

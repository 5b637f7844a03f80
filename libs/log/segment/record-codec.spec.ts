import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventRecord } from '../event-log.js';
import { RecordEncoder, decodeRecords } from './record-codec.js';

const text = fc.string({ unit: 'grapheme', maxLength: 80 });
const name = fc.oneof(fc.constantFrom('ce_id', 'ce_type', 'ce_writer', '__proto__', 'constructor', '1'), text);
const record = fc.record({
  topic: fc.constant('runs' as const),
  partition: fc.constant(0),
  key: fc.oneof(fc.constantFrom('a', 'b'), text),
  headers: fc.array(fc.tuple(name, text), { maxLength: 8 }).map((entries) => Object.fromEntries(entries)),
  value: fc.uint8Array({ maxLength: 3_000 }),
});

function encode(records: readonly EventRecord[]): Buffer {
  const encoder = new RecordEncoder(16);
  for (const each of records) encoder.add(each);
  return encoder.bytes.subarray(0, encoder.length);
}
const plain = ({ key, headers, value }: Pick<EventRecord, 'key' | 'headers' | 'value'>): object => ({
  key,
  headers: Object.entries(headers),
  value: [...value],
});

describe('records of a block', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (records) => {
        expect(decodeRecords(encode(records), records.length).map(plain)).toEqual(records.map(plain));
      }),
      { numRuns: 300 },
    );
  });

  test('with more different strings than the table takes, the last ones again and again', () => {
    const records = Array.from({ length: 6_000 }, (_, i) => ({ topic: 'runs', partition: 0, key: `key ${i % 3_000}`, headers: { a: `${i % 3_000}` }, value: Buffer.of(i & 255) }) as const); // prettier-ignore
    const read = decodeRecords(encode(records), records.length);
    // one after the other: a comparison of all at once takes minutes to say what differs
    for (const [i, each] of records.entries()) expect(plain(read[i]!)).toEqual(plain(each));
  });

  test('with texts and values of every length around those that take one more byte to say', () => {
    const lengths = [0, 1, 47, 48, 49, 50, 126, 127, 128, 129, 255, 256, 257, 16_383, 16_384, 70_000];
    const records = lengths.flatMap((length) =>
      ['x', 'ü'].map((letter) => ({
        topic: 'runs' as const,
        partition: 0,
        key: letter.repeat(length),
        headers: { ce_id: letter.repeat(length) },
        value: Buffer.alloc(length, letter),
      })),
    );
    expect(decodeRecords(encode(records), records.length).map(plain)).toEqual(records.map(plain));
  });

  test('lie on the disk as every earlier version has written them', () => {
    const base = { topic: 'runs', partition: 0 } as const;
    const headers = { note: 'ünï', ce_id: 'i1', ce_type: 'runstream.PointsLogged.v1', 'content-type': '1' };
    const records = [
      { ...base, key: 'run', headers, value: Buffer.from('ab') },
      { ...base, key: 'run', headers, value: Buffer.alloc(127, 'c') },
      { ...base, key: 'ünï', headers: {}, value: Buffer.alloc(128, 'd') },
    ];
    // 0: a text that is written out; 2, 3, 10, 11, 19: of those that every log knows; 20, 21, 22: remembered, which the id is not
    const expected = Buffer.concat([
      Buffer.from('\x00\x03run\x04\x00\x04note\x00\x05ünï\x02\x00\x02i1\x03\x0b\x13\x0a\x02ab'),
      Buffer.from(`\x14\x04\x15\x16\x02\x00\x02i1\x03\x0b\x13\x0a\x7f${'c'.repeat(127)}`),
      Buffer.from('\x16\x00'),
      Buffer.of(0x80, 0x01),
      Buffer.alloc(128, 'd'),
    ]);
    expect(encode(records).toString('latin1')).toBe(expected.toString('latin1'));
    expect(decodeRecords(expected, 3).map(plain)).toEqual(records.map(plain));
  });

  test.each([
    ['more than its records', '0001 6b 00 00 aabbcc', 1, /^3 bytes after the last record/],
    ['a text that nobody has written', '14 00 00', 1, /^string 20 at byte 1 is not in the table/],
    ['a number without an end', '0001 6b 80', 1, /^ends inside a number/],
    ['a number that is too long', '0001 6b 00 808080808000', 1, /is too long/],
    ['a value without an end', '0001 6b 00 05 6161', 1, /^ends inside a field of 5 bytes/],
    ['fewer records than it should', '0001 6b 00 00', 2, /^ends inside a number/],
  ])('that hold %s are refused with what is wrong', (_, hex, count, said) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(() => decodeRecords(bytes, count)).toThrow(said);
    expect(() => decodeRecords(bytes, count)).toThrow(RangeError);
  });

  test('may say a number in five bytes', () => {
    const read = decodeRecords(Buffer.from('00016b0082808080006162' + '140082808080006364', 'hex'), 2);
    expect(read.map(({ key, value }) => [key, Buffer.from(value).toString()])).toEqual([
      ['k', 'ab'],
      ['k', 'cd'],
    ]);
  });

  test('never name a text behind the last that a table takes', () => {
    const records = Array.from({ length: 4_200 }, (_, i) => ({ topic: 'runs', partition: 0, key: `key ${i}`, headers: {}, value: Buffer.alloc(0) }) as const); // prettier-ignore
    const bytes = encode(records);
    const last = (code: number): Buffer => Buffer.concat([bytes, Buffer.of((code & 127) | 128, code >> 7, 0, 0)]);
    expect(decodeRecords(last(4_096), 4_201).at(-1)!.key).toBe('key 4076');
    expect(() => decodeRecords(last(4_097), 4_201)).toThrow(/^string 4097 at byte/);
  });

  test('cut or foreign bytes are a RangeError, never another error or a hang', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 3 }), fc.nat(), (records, at) => {
        const bytes = encode(records);
        expect(() => decodeRecords(bytes.subarray(0, at % bytes.length), records.length)).toThrow(RangeError);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(5), (bytes, count) => {
        try {
          decodeRecords(Buffer.from(bytes), count);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});

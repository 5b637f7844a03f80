import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventRecord } from '../event-log.js';
import { RecordEncoder, decodeRecords } from './record-codec.js';
import { blockIntact, packPayload, readBlockHeader, unpackPayload, writeBlockHeader } from './segment-block.js';

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

  test('with more different strings than the table takes', () => {
    const records = Array.from({ length: 6_000 }, (_, i) => ({ topic: 'runs', partition: 0, key: `key ${i % 5_000}`, headers: { a: `${i}` }, value: Buffer.of(i & 255) }) as const); // prettier-ignore
    expect(decodeRecords(encode(records), records.length).map(plain)).toEqual(records.map(plain));
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

describe('a block', () => {
  const place = {
    records: 3,
    baseOffset: 2 ** 40 + 1,
    appendedAt: 1_700_000_000_000.5,
    position: 4_000_000_000,
    groupPosition: 17,
  };

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
});

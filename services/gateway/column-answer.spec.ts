import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Column } from './column.js';
import { asksForColumns, columnsType, writeColumns } from './column-answer.js';
import { stringify } from './stringify.js';

const column = fc.array(fc.double(), { maxLength: 20 }).map((values) => new Column(Float64Array.from(values)));
const answer = fc.dictionary(
  fc.string(),
  fc.oneof(column, fc.jsonValue(), fc.array(fc.record({ x: column, y: column }))),
);

/** As docs/protocol.md says that it is to be read. */
function read(bytes: Buffer): unknown {
  const length = bytes.readUInt32LE(0);
  const [mark, found] = JSON.parse(bytes.subarray(4, 4 + length).toString()) as [string, unknown];
  const start = Math.ceil((4 + length) / 8) * 8;
  const fill = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(fill);
    if (Object.hasOwn(value, mark)) {
      const [at, count] = (value as Record<string, [number, number]>)[mark]!;
      return new Column(Array.from({ length: count }, (_, i) => bytes.readDoubleLE(start + (at + i) * 8)));
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each)]));
  };
  return fill(found);
}

it('says in columns what the same answer says as JSON', async () => {
  await fc.assert(
    fc.asyncProperty(answer, async (value) => {
      const [plain, binary] = [await stringify(value), await writeColumns(value)];
      expect(JSON.parse(JSON.stringify(read(binary)))).toEqual(JSON.parse(plain));
    }),
  );
});

it('writes a column that stands in several places once', async () => {
  const values = Float64Array.from({ length: 1_000 }, (_, i) => i);
  const bytes = await writeColumns({ min: new Column(values), max: new Column(values), x: new Column([7]) });
  expect(bytes.length).toBeLessThan(9_000);
  expect(JSON.parse(JSON.stringify(read(bytes)))).toEqual({ min: [...values], max: [...values], x: [7] });
});

it('is asked for by name', () => {
  expect(asksForColumns(`${columnsType}, application/json`)).toBe(true);
  expect(['application/json', '*/*', undefined].some(asksForColumns)).toBe(false);
});

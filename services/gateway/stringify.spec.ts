import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringify } from './stringify.js';

it('says of any answer what JSON.stringify says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.object({ maxDepth: 12, withNullPrototype: true }), async (value) => {
      expect(JSON.parse(await stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  const columns = {
    x: Array.from({ length: 20_001 }, (_, i) => i / 3),
    none: [],
    odd: [NaN, Infinity, undefined, null],
  };
  expect(await stringify([columns, null])).toBe(JSON.stringify([columns, null]));
});

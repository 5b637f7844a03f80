import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readNative, writeNativeBlock, type BlockColumn } from './native-block.js';

describe('Native blocks', () => {
  it('come back as they were written, NaN and long texts included', () => {
    const row = fc.record({
      n: fc.double(),
      u: fc.bigInt(0n, (1n << 64n) - 1n),
      t: fc.string({ maxLength: 300, unit: 'binary' }),
    });
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const texts = rows.map(({ t }) => t);
        const floats = Float64Array.from(rows, ({ n }) => n);
        const columns: BlockColumn[] = [
          { name: 'n', type: 'Float64', data: floats },
          { name: 'u', type: 'UInt64', data: BigUint64Array.from(rows, ({ u }) => u) },
          { name: 't', type: 'String', data: texts },
        ];
        const once = Buffer.concat(writeNativeBlock(columns, rows.length));
        const result = readNative(Buffer.concat([once, once]));
        expect(result.rows).toBe(rows.length * 2);
        expect(Array.from(result.f64('n'))).toEqual([...floats, ...floats]);
        expect(Array.from(result.u64('u'))).toEqual([...rows, ...rows].map(({ u }) => u));
        expect(result.texts('t')).toEqual([...texts, ...texts]);
      }),
    );
  });

  it('refuses a result that is cut off', () => {
    const whole = Buffer.concat(writeNativeBlock([{ name: 'n', type: 'Float64', data: new Float64Array(3) }], 3));
    for (let end = 1; end < whole.length; end++)
      expect(() => readNative(whole.subarray(0, end))).toThrow(/ends too early/);
  });
});

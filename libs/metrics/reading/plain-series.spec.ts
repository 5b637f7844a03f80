import { expect, it } from 'vitest';
import { ResultColumns } from '#libs/clickhouse/native-block.js';
import { readPlainSeries } from './plain-series.js';
import type { SeriesOf } from './series-slices.js';

type Row = readonly [series: bigint, rank: number, x: number, value: number];
const rowsOf = (...rows: readonly Row[]): ResultColumns =>
  new ResultColumns(
    rows.length,
    new Map<string, BigUint64Array | Uint32Array | Float64Array>([
      ['run', BigUint64Array.from(rows, () => 9n)],
      ['series', BigUint64Array.from(rows, (row) => row[0])],
      ['rank', Uint32Array.from(rows, (row) => row[1])],
      ['x', Float64Array.from(rows, (row) => row[2])],
      ['value', Float64Array.from(rows, (row) => row[3])],
    ]),
  );
const high = 2n ** 63n;
const plain = (...values: number[]): Float64Array => Float64Array.from(values);

it('tells series and ranks apart', () => {
  const found = readPlainSeries(rowsOf([1n, 0, 5, 1], [1n, 7, 5, 2], [1n, 7, 6, 3], [high + 1n, 7, 5, 4]));
  expect(found.map(({ run, hash, rank, columns }) => [run, hash, rank, [...columns.x], [...columns.last]])).toEqual([
    [9n, 1n, 0, [5], [1]],
    [9n, 1n, 7, [5, 6], [2, 3]],
    [9n, high + 1n, 7, [5], [4]],
  ]);
  expect(readPlainSeries(rowsOf())).toEqual([]);
});

it('holds steps that several series have once', () => {
  const rows = rowsOf([1n, 0, 0, 1], [1n, 0, 1, 2], [high + 1n, 0, 0, 3], [high + 1n, 0, 1, 4]);
  const [one, other] = readPlainSeries(rows).map(({ columns }) => columns);
  expect(one!.x).toBe(other!.x);
  expect([one!.last, other!.last]).toEqual([plain(1, 2), plain(3, 4)]);
});

it('makes one bucket of a step that is there twice, and marks of values that are not finite', () => {
  const rows = [0, 0, 1, 2, 2, 2, 3].map((x, i): Row => [1n, 0, x, [5, 5, NaN, 7, NaN, 3, Infinity][i]!]);
  const [{ columns }] = readPlainSeries(rowsOf(...rows, [1n, 0, 3, Infinity], [1n, 0, 3, -Infinity])) as [SeriesOf];
  expect(columns).toEqual({
    x: plain(0, 2),
    min: plain(5, 3),
    max: plain(5, 7),
    first: plain(5, 7),
    last: plain(5, 3),
    count: plain(1, 1),
    oddX: plain(1, 2, 3, 3),
    oddValue: plain(NaN, NaN, Infinity, -Infinity),
  });
});

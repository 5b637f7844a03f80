import { expect, it } from 'vitest';
import { ResultColumns } from '#libs/clickhouse/native-block.js';
import { readPlainSeries } from './plain-series.js';

type Row = readonly [series: bigint, rank: number, x: number, value: number];
const rowsOf = (...rows: readonly Row[]): ResultColumns =>
  new ResultColumns(
    rows.length,
    new Map<string, BigUint64Array | Uint32Array | Float64Array>([
      ['series', BigUint64Array.from(rows, (row) => row[0])],
      ['rank', Uint32Array.from(rows, (row) => row[1])],
      ['x', Float64Array.from(rows, (row) => row[2])],
      ['value', Float64Array.from(rows, (row) => row[3])],
    ]),
  );
const high = 2n ** 63n;
const keys = new Map([
  [high + 1n, 'loss'],
  [1n, 'acc'],
]);
const plain = (...values: number[]): Float64Array => Float64Array.from(values);

it('tells series and ranks apart, in the order that was asked for', () => {
  const found = readPlainSeries(keys, rowsOf([1n, 0, 5, 1], [1n, 7, 5, 2], [1n, 7, 6, 3], [high + 1n, 7, 5, 4]));
  expect(found.map(({ key, rank, x, last }) => [key, rank, [...x], [...last]])).toEqual([
    ['loss', 7, [5], [4]],
    ['acc', 0, [5], [1]],
    ['acc', 7, [5, 6], [2, 3]],
  ]);
  expect(readPlainSeries(keys, rowsOf())).toEqual([]);
});

it('holds steps that several series have once', () => {
  const [loss, acc] = readPlainSeries(
    keys,
    rowsOf([1n, 0, 0, 1], [1n, 0, 1, 2], [high + 1n, 0, 0, 3], [high + 1n, 0, 1, 4]),
  );
  expect(loss!.x).toBe(acc!.x);
  expect([loss!.last, acc!.last]).toEqual([plain(3, 4), plain(1, 2)]);
});

it('makes one bucket of a step that is there twice, and marks of values that are not finite', () => {
  const rows = [0, 0, 1, 2, 2, 2, 3].map((x, i): Row => [1n, 0, x, [5, 5, NaN, 7, NaN, 3, Infinity][i]!]);
  expect(readPlainSeries(keys, rowsOf(...rows, [1n, 0, 3, Infinity], [1n, 0, 3, -Infinity]))).toEqual([
    {
      key: 'acc',
      rank: 0,
      x: plain(0, 2),
      min: plain(5, 3),
      max: plain(5, 7),
      first: plain(5, 7),
      last: plain(5, 3),
      count: plain(1, 1),
      oddX: plain(1, 2, 3, 3),
      oddValue: plain(NaN, NaN, Infinity, -Infinity),
    },
  ]);
});

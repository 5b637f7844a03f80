import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import type { SeriesColumns } from '../metric-store.js';
import { slicesOf, type Columns, type SeriesOf } from './series-slices.js';
import { never } from '../tables/rollup-columns.js';

/** The select list over buckets by rank, for `readSeriesColumns`; rows ordered by rank and bucket, of several series by run and series first. */
export const selectBuckets = (buckets: string, owner: 'rank' | 'run, series, rank' = 'rank'): string =>
  `SELECT ${owner}, lo, hi, toFloat64(fs) AS x, fv, lv, toFloat64(n) AS count,
     toFloat64(nan_at) AS nan, toFloat64(plus_at) AS plus, toFloat64(minus_at) AS minus
   FROM (${buckets}) ORDER BY ${owner}, b`;

/** Of each bucket by rank the first step and its value alone. */
export const selectFirsts = (buckets: string): string => `SELECT rank, toFloat64(fs) AS x, fv FROM (${buckets})`;

/** Buckets of one key as columns per rank. */
export function readSeriesColumns(key: string, rows: ResultColumns): SeriesColumns[] {
  if (rows.rows === 0) return [];
  const out: SeriesColumns[] = [];
  const rank = rows.u32('rank');
  for (let from = 0, to = 1; to <= rows.rows; to++) {
    if (to < rows.rows && rank[to] === rank[from]) continue;
    out.push({ key, rank: rank[from]!, ...oneRank(rows, from, to) });
    from = to;
  }
  return out;
}

/** Buckets of several series as columns per rank. */
export const readManySeriesColumns = (rows: ResultColumns): SeriesOf[] =>
  slicesOf(rows).map(({ run, hash, rank, from, to }) => ({ run, hash, rank, columns: oneRank(rows, from, to) }));

function oneRank(rows: ResultColumns, from: number, to: number): Columns {
  const count = rows.f64('count');
  const filled: number[] = [];
  for (let i = from; i < to; i++) if (count[i]! > 0) filled.push(i);
  const pick = (name: string): Float64Array => {
    const column = rows.f64(name);
    return filled.length === to - from ? column.slice(from, to) : Float64Array.from(filled, (i) => column[i]!);
  };
  const odd: [x: number, value: number][] = [];
  const marks = [
    [rows.f64('nan'), Number.NaN],
    [rows.f64('plus'), Infinity],
    [rows.f64('minus'), -Infinity],
  ] as const;
  for (let i = from; i < to; i++) for (const [at, value] of marks) if (at[i]! < never) odd.push([at[i]!, value]);
  odd.sort((a, b) => a[0] - b[0]);
  return {
    x: pick('x'),
    min: pick('lo'),
    max: pick('hi'),
    first: pick('fv'),
    last: pick('lv'),
    count: pick('count'),
    oddX: Float64Array.from(odd, ([x]) => x),
    oddValue: Float64Array.from(odd, ([, value]) => value),
  };
}

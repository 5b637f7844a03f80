import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import type { SeriesColumns } from '../metric-store.js';
import { never } from '../tables/rollup-columns.js';

/** The select list over buckets by rank, for `readSeriesColumns`; rows ordered by rank and bucket, of several series by series first. */
export const selectBuckets = (buckets: string, owner: 'rank' | 'series, rank' = 'rank'): string =>
  `SELECT ${owner}, lo, hi, toFloat64(fs) AS x, fv, lv, toFloat64(n) AS count,
     toFloat64(nan_at) AS nan, toFloat64(plus_at) AS plus, toFloat64(minus_at) AS minus
   FROM (${buckets}) ORDER BY ${owner}, b`;

/** Of each bucket by rank the first step and its value alone. */
export const selectFirsts = (buckets: string): string => `SELECT rank, toFloat64(fs) AS x, fv FROM (${buckets})`;

/** Buckets of one key as columns per rank. */
export function readSeriesColumns(key: string, rows: ResultColumns): SeriesColumns[] {
  const out: SeriesColumns[] = [];
  if (rows.rows === 0) return out;
  addRanks(out, key, rows, 0, rows.rows);
  return out;
}

/** Buckets of several keys, by the hash of each; in the order of `keys`. */
export function readManySeriesColumns(keys: ReadonlyMap<bigint, string>, rows: ResultColumns): SeriesColumns[] {
  if (rows.rows === 0) return [];
  const found = new Map<bigint, SeriesColumns[]>();
  const series = rows.u64('series');
  for (let from = 0, to = 1; to <= rows.rows; to++) {
    if (to < rows.rows && series[to] === series[from]) continue;
    const own: SeriesColumns[] = [];
    addRanks(own, keys.get(series[from]!)!, rows, from, to);
    found.set(series[from]!, own);
    from = to;
  }
  return [...keys.keys()].flatMap((hash) => found.get(hash) ?? []);
}

function addRanks(out: SeriesColumns[], key: string, rows: ResultColumns, start: number, end: number): void {
  const rank = rows.u32('rank');
  for (let from = start, to = start + 1; to <= end; to++) {
    if (to < end && rank[to] === rank[from]) continue;
    out.push(oneRank(key, rank[from]!, rows, from, to));
    from = to;
  }
}

function oneRank(key: string, rank: number, rows: ResultColumns, from: number, to: number): SeriesColumns {
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
    key,
    rank,
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

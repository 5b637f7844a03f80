import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import type { SeriesColumns } from '../metric-store.js';
import { seriesCondition, type BucketSource } from './bucket-plan.js';
import { rangeCondition, unlessSuperseded } from './visible-steps.js';

/** Rows of series whose every step is a bucket of its own: there is nothing to aggregate, and reading them costs a third. */
export const selectPlain = ({ table, facts, ranges, ranks, series }: BucketSource): string =>
  `SELECT series, rank, toFloat64(step) AS x, value FROM ${table('points')}
   WHERE ${seriesCondition({ facts, ranks, series })} AND ${rangeCondition(ranges)} AND ${unlessSuperseded(table, facts, ranges, series)}
   ORDER BY series, rank, step`;

/** Each (series, rank) as columns; a step that is there twice is one bucket. In the order of `keys`, each by the hash of its name. */
export function readPlainSeries(keys: ReadonlyMap<bigint, string>, rows: ResultColumns): SeriesColumns[] {
  if (rows.rows === 0) return [];
  const found = new Map<bigint, SeriesColumns[]>();
  const [series, rank, x, value] = [rows.u64('series'), rows.u32('rank'), rows.f64('x'), rows.f64('value')];
  // each look at a 64-bit number would make an object of it
  const halves = new Uint32Array(series.buffer, series.byteOffset, series.length * 2);
  const alike = (a: number, b: number): boolean =>
    rank[a] === rank[b] && halves[2 * a] === halves[2 * b] && halves[2 * a + 1] === halves[2 * b + 1];
  let columns: Columns | undefined;
  for (let from = 0, to = 1; to <= rows.rows; to++) {
    if (to < rows.rows && alike(to, from)) continue;
    const owner = { key: keys.get(series[from]!)!, rank: rank[from]! };
    columns = plainColumns(x.subarray(from, to), value.subarray(from, to), columns);
    const own = found.get(series[from]!);
    if (own) own.push({ ...owner, ...columns });
    else found.set(series[from]!, [{ ...owner, ...columns }]);
    from = to;
  }
  return [...keys.keys()].flatMap((hash) => found.get(hash) ?? []);
}

type Columns = Omit<SeriesColumns, 'key' | 'rank'>;
const none = new Float64Array(0);

/** `before`: the series before this one; where it has the same steps they are not written out again. */
function plainColumns(x: Float64Array, value: Float64Array, before: Columns | undefined): Columns {
  if (!isPlain(x, value)) return foldedColumns(x, value);
  const { x: steps, count } =
    before && sameNumbers(before.x, x) ? before : { x, count: new Float64Array(x.length).fill(1) };
  return { x: steps, min: value, max: value, first: value, last: value, count, oddX: none, oddValue: none };
}

/** Each step once, and finite values only. */
function isPlain(x: Float64Array, value: Float64Array): boolean {
  for (let i = 0; i < x.length; i++) if (!Number.isFinite(value[i]) || x[i] === x[i + 1]) return false;
  return true;
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Odd values apart, of each step and kind once; of several finite values of a step what a bucket tells. */
function foldedColumns(x: Float64Array, value: Float64Array): Columns {
  const finite = {
    x: [] as number[],
    min: [] as number[],
    max: [] as number[],
    first: [] as number[],
    last: [] as number[],
  };
  const odd: [x: number, value: number][] = [];
  for (let i = 0; i < x.length; i++) {
    const [step, one] = [x[i]!, value[i]!];
    if (!Number.isFinite(one)) {
      if (!odd.slice(-3).some(([at, known]) => at === step && Object.is(known, one))) odd.push([step, one]);
      continue;
    }
    const at = finite.x.length - 1;
    if (finite.x[at] !== step) {
      finite.x.push(step);
      for (const column of [finite.min, finite.max, finite.first, finite.last]) column.push(one);
      continue;
    }
    finite.min[at] = Math.min(finite.min[at]!, one);
    finite.max[at] = Math.max(finite.max[at]!, one);
    finite.last[at] = one;
  }
  return {
    x: Float64Array.from(finite.x),
    min: Float64Array.from(finite.min),
    max: Float64Array.from(finite.max),
    first: Float64Array.from(finite.first),
    last: Float64Array.from(finite.last),
    count: new Float64Array(finite.x.length).fill(1),
    oddX: Float64Array.from(odd, ([at]) => at),
    oddValue: Float64Array.from(odd, ([, one]) => one),
  };
}

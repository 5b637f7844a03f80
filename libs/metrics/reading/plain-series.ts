import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import { hashesOf, seriesCondition, type BucketSource } from './bucket-plan.js';
import { slicesOf, type Columns, type SeriesOf } from './series-slices.js';
import { rangeCondition, unlessSuperseded } from './visible-steps.js';

/** Rows of series whose every step is a bucket of its own: there is nothing to aggregate, and reading them costs a third. */
export function selectPlain({ table, facts, ranges, ranks, members }: BucketSource): string {
  const seen = unlessSuperseded(table, facts, ranges, hashesOf({ members }));
  return `SELECT run, series, rank, toFloat64(step) AS x, value FROM ${table('points')}
   WHERE ${seriesCondition({ facts, ranks, members })} AND ${rangeCondition(ranges)} AND ${seen}
   ORDER BY run, series, rank, step`;
}

/** What each (series, rank) shows; a step that is there twice is one bucket. */
export function readPlainSeries(rows: ResultColumns): SeriesOf[] {
  const [x, value] = rows.rows === 0 ? [none, none] : [rows.f64('x'), rows.f64('value')];
  let columns: Columns | undefined;
  return slicesOf(rows).map(({ run, hash, rank, from, to }) => {
    columns = plainColumns(x.subarray(from, to), value.subarray(from, to), columns);
    return { run, hash, rank, columns };
  });
}

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

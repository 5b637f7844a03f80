import type { TableLookup } from './live-generation.js';
import { never } from './rollup-columns.js';
import { extentOf, rangeCondition, rankCondition, type SeriesFacts, type VisibleRange } from './visible-steps.js';

/** Buckets [origin + i * width, origin + (i + 1) * width), read from raw rows (unit 1) or from rollups of `unit` steps. */
export interface BucketPlan {
  readonly origin: number;
  readonly width: number;
  readonly unit: 1 | 64 | 4096;
}

/**
 * A rollup is used from `rollupFactor` units a bucket on, and the width is then a whole number of units, so that no bucket needs a part
 * of a rollup row; only the window's own edges do.
 */
export function planBuckets(
  ranges: readonly VisibleRange[],
  bucketsMax: number,
  rewritten: boolean,
  rollupFactor = 4,
): BucketPlan {
  const { min, max } = extentOf(ranges);
  const buckets = Math.max(1, Math.floor(bucketsMax));
  const width = Math.max(1, Math.ceil((max - min + 1) / buckets));
  const unit = rewritten || width < 64 * rollupFactor ? 1 : width < 4_096 * rollupFactor ? 64 : 4_096;
  if (unit === 1) return { origin: min, width, unit };
  const origin = Math.floor(min / unit) * unit;
  let whole = Math.ceil(width / unit) * unit;
  while (Math.floor((max - origin) / whole) + 1 > buckets) whole += unit;
  return { origin, width: whole, unit };
}

export interface BucketSource {
  readonly table: TableLookup;
  readonly facts: SeriesFacts;
  readonly ranges: readonly VisibleRange[];
  readonly ranks?: readonly number[] | undefined;
  readonly plan: BucketPlan;
  /** The series is a clock, which may tell several times for a step: the earliest counts. */
  readonly clock?: boolean;
  /** Counts are not asked for: n is 1 where there are finite values. */
  readonly countless?: boolean;
}

const f = 'isFinite(value)';
const neverStep = `toInt64(${never})`;

/** (rank, b, lo, hi, fs, fv, ls, lv, n, nan_at, plus_at, minus_at) per bucket and rank; a bucket without finite values has n = 0. */
export function bucketsByRank(source: BucketSource): string {
  return source.plan.unit === 1 ? rawBuckets(source) : rollupBuckets(source);
}

const seriesCondition = ({ facts, ranks }: BucketSource): string =>
  `run = ${facts.run} AND series = ${facts.hash} AND ${rankCondition(ranks)}`;

function rawBuckets(source: BucketSource): string {
  const { facts, ranges, plan, table } = source;
  const order = source.clock ? '(step, value)' : facts.rewritten ? '(step, time, ord)' : 'step';
  return `SELECT rank, intDiv(step - (${plan.origin}), ${plan.width}) AS b,
      minIf(value, ${f}) AS lo, maxIf(value, ${f}) AS hi,
      minIf(step, ${f}) AS fs, argMinIf(value, ${order}, ${f}) AS fv, maxIf(step, ${f}) AS ls, argMaxIf(value, ${order}, ${f}) AS lv,
      ${countOf(source)} AS n,
      min(if(isNaN(value), step, ${neverStep})) AS nan_at,
      min(if(isInfinite(value) AND value > 0, step, ${neverStep})) AS plus_at,
      min(if(isInfinite(value) AND value < 0, step, ${neverStep})) AS minus_at
    FROM ${table('points')} ${facts.rewritten ? 'FINAL' : ''}
    WHERE ${seriesCondition(source)} AND ${rangeCondition(ranges)}
    GROUP BY rank, b`;
}

/** Without FINAL a step may be there twice. */
function countOf({ facts, plan, clock, countless }: BucketSource): string {
  if (facts.rewritten) return `countIf(${f})`;
  return plan.width === 1 || clock || countless ? `toUInt64(max(${f}))` : `uniqExactIf(step, ${f})`;
}

function rollupBuckets(source: BucketSource): string {
  const { plan, table, ranges } = source;
  const bucketOf = (step: string): string => `intDiv(${step} - (${plan.origin}), ${plan.width})`;
  const interior = ranges.map((range) => interiorOf(range, plan.unit)).filter((range) => range.from < range.to);
  const edges = ranges.flatMap((range) => edgesOf(range, plan.unit));
  const parts: string[] = [];
  const uncounted = source.clock === true || source.countless === true;
  if (interior.length > 0) {
    const bounds = bucketCondition(interior, 1);
    const rows = `FROM ${table(plan.unit === 64 ? 'rollup_64' : 'rollup_4096')} WHERE ${seriesCondition(source)} AND ${bounds}`;
    const columns = `min(min) AS lo, max(max) AS hi, min(first.1) AS fs, argMin(first.2, first.1) AS fv, max(last.1) AS ls,
      argMax(last.2, last.1) AS lv`;
    const odd = 'min(nan_at) AS nan_at, min(plus_at) AS plus_at, min(minus_at) AS minus_at';
    // a bucket's mask may be spread over rows, and rows may be there twice: or first, then count
    parts.push(
      `SELECT rank, ${bucketOf(`bucket * ${plan.unit}`)} AS b, ${columns}, toUInt64(${uncounted ? 'max(mask != 0)' : '0'}) AS n, ${odd} ${rows} GROUP BY rank, b`,
    );
    if (!uncounted) parts.push(countBuckets(source, interior, bucketOf));
  }
  if (edges.length > 0) {
    parts.push(`SELECT rank, ${bucketOf('step')} AS b, if(${f}, value, inf) AS lo, if(${f}, value, -inf) AS hi,
      if(${f}, step, ${neverStep}) AS fs, value AS fv, if(${f}, step, -${neverStep}) AS ls, value AS lv, toUInt64(${f}) AS n,
      if(isNaN(value), step, ${neverStep}) AS nan_at, if(isInfinite(value) AND value > 0, step, ${neverStep}) AS plus_at,
      if(isInfinite(value) AND value < 0, step, ${neverStep}) AS minus_at
      FROM ${table('points')} FINAL WHERE ${seriesCondition(source)} AND ${rangeCondition(edges)}`);
  }
  return `SELECT rank, b, min(r.lo) AS lo, max(r.hi) AS hi, min(r.fs) AS fs, argMin(r.fv, r.fs) AS fv, max(r.ls) AS ls, argMax(r.lv, r.ls) AS lv,
      sum(r.n) AS n, min(r.nan_at) AS nan_at, min(r.plus_at) AS plus_at, min(r.minus_at) AS minus_at
    FROM (${parts.join(' UNION ALL ')}) AS r GROUP BY rank, b`;
}

/** Whole units as a condition on rollup rows, `scale` of which are one unit. */
function bucketCondition(ranges: readonly UnitRange[], scale: number): string {
  const bounds = ranges.map(({ attempt, rank, from, to }) => {
    const of = rank === undefined ? '' : ` AND rank = ${rank}`;
    const low = from > -Infinity ? ` AND bucket >= ${from * scale}` : '';
    const high = to < Infinity ? ` AND bucket < ${to * scale}` : '';
    return `(attempt = ${attempt}${of}${low}${high})`;
  });
  return `(${bounds.join(' OR ')})`;
}

interface UnitRange {
  readonly attempt: number;
  readonly rank: number | undefined;
  readonly from: number;
  readonly to: number;
}

/** Counts come from the bits of the 64-step rollup, whatever the unit. */
function countBuckets(
  source: BucketSource,
  interior: readonly UnitRange[],
  bucketOf: (step: string) => string,
): string {
  const { plan, table } = source;
  return `SELECT rank, ${bucketOf('bucket * 64')} AS b, inf AS lo, -inf AS hi, ${neverStep} AS fs, 0. AS fv, -${neverStep} AS ls, 0. AS lv,
      toUInt64(sum(bitCount(bits))) AS n, ${neverStep} AS nan_at, ${neverStep} AS plus_at, ${neverStep} AS minus_at
    FROM (SELECT attempt, rank, bucket, groupBitOr(mask) AS bits FROM ${table('rollup_64')}
      WHERE ${seriesCondition(source)} AND ${bucketCondition(interior, plan.unit / 64)} GROUP BY attempt, rank, bucket)
    GROUP BY rank, b`;
}

const interiorOf = ({ attempt, rank, lo, hi }: VisibleRange, unit: number): UnitRange => ({
  attempt,
  rank,
  from: Math.ceil(lo / unit),
  to: Math.floor(hi / unit),
});

/** What of a range lies outside its whole units. */
function edgesOf(range: VisibleRange, unit: number): readonly VisibleRange[] {
  const { lo, hi } = range;
  const from = Math.ceil(lo / unit) * unit;
  const to = Math.floor(hi / unit) * unit;
  if (from >= to) return [range];
  const edges: VisibleRange[] = [];
  if (lo < from) edges.push({ ...range, hi: from });
  if (hi > to) edges.push({ ...range, lo: to });
  return edges;
}

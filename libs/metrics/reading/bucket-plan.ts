import type { TableName } from '../tables/clickhouse-schema.js';
import { between, rollupBlock } from '../tables/key-blocks.js';
import type { TableLookup } from '../tables/live-generation.js';
import { never, type RollupWidth } from '../tables/rollup-columns.js';
import {
  extentOf,
  rangeCondition,
  rankCondition,
  supersededWindow,
  unlessSuperseded,
  type SeriesFacts,
  type VisibleRange,
} from './visible-steps.js';

/** Buckets [origin + i * width, origin + (i + 1) * width), read from raw rows (unit 1) or from rollups of `unit` steps. */
export interface BucketPlan {
  readonly origin: number;
  readonly width: number;
  readonly unit: 1 | RollupWidth;
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
  const unit = rewritten || width < 64 * rollupFactor ? 1 : width < 256 * rollupFactor ? 64 : 256;
  if (unit === 1) return { origin: min, width, unit };
  const origin = Math.floor(min / unit) * unit;
  let whole = Math.ceil(width / unit) * unit;
  while (Math.floor((max - origin) / whole) + 1 > buckets) whole += unit;
  return { origin, width: whole, unit };
}

/** One of several series that are read at once. */
export interface SeriesMember {
  readonly run: bigint;
  readonly hash: bigint;
  readonly plan: Pick<BucketPlan, 'origin' | 'width'>;
}

export interface BucketSource {
  readonly table: TableLookup;
  readonly facts: SeriesFacts;
  readonly ranges: readonly VisibleRange[];
  /** These series at once, told apart by columns `run` and `series`, which are alike in all else but where their buckets lie; absent: the one of `facts`. */
  readonly members?: readonly SeriesMember[] | undefined;
  readonly ranks?: readonly number[] | undefined;
  readonly plan: BucketPlan;
  /** The series is a clock, which may tell several times for a step: the earliest counts. */
  readonly clock?: boolean;
  /** Counts are not asked for: n is at least 1 where there are finite values. */
  readonly countless?: boolean | undefined;
  /** Neither counts nor values that are not finite are asked for: the latter may be left out. */
  readonly finite?: boolean | undefined;
}

const f = 'isFinite(value)';
const neverStep = `toInt64(${never})`;

/** (run and series if several, rank, b, lo, hi, fs, fv, ls, lv, n, nan_at, plus_at, minus_at) per bucket and rank; a bucket without finite values has n = 0. */
export function bucketsByRank(source: BucketSource): string {
  return source.plan.unit === 1 ? rawBuckets(source) : rollupBuckets(source);
}

export const seriesCondition = ({ facts, members, ranks }: Pick<BucketSource, 'facts' | 'members' | 'ranks'>): string =>
  `${seriesOf(facts, members)} AND ${rankCondition(ranks)}`;

function seriesOf(facts: SeriesFacts, members: BucketSource['members']): string {
  if (!members) return `run = ${facts.run} AND series = ${facts.hash}`;
  const runs = new Set(members.map(({ run }) => run));
  if (runs.size === 1) return `run = ${facts.run} AND series IN (${members.map(({ hash }) => hash).join(', ')})`;
  return `(run, series) IN (${members.map(({ run, hash }) => `(${run}, ${hash})`).join(', ')})`;
}

/** Whose buckets a row is about. */
const owner = ({ members }: BucketSource): string => (members ? 'run, series, rank' : 'rank');

/** What tells members apart in one number. */
export const memberId = ({ run, hash }: Pick<SeriesMember, 'run' | 'hash'>): bigint => run ^ hash;

/** The bucket of a step: of members whose buckets lie differently, those of its own. */
function bucketOf({ plan, members }: BucketSource, step: string): string {
  const first = members?.[0]?.plan ?? plan;
  if (!members || members.every(({ plan: { origin, width } }) => origin === first.origin && width === first.width))
    return `intDiv(${step} - (${first.origin}), ${first.width})`;
  const ids = members.map(memberId).join(', ');
  const own = (column: 'origin' | 'width'): string =>
    `transform(bitXor(run, series), [${ids}], CAST([${members.map((member) => member.plan[column]).join(', ')}], 'Array(Int64)'), toInt64(1))`;
  return `intDiv(${step} - ${own('origin')}, ${own('width')})`;
}

function rawBuckets(source: BucketSource): string {
  const { facts, ranges, table } = source;
  const order = source.clock ? '(step, value)' : facts.rewritten ? '(step, time, ord)' : 'step';
  const columns = source.finite
    ? `min(value) AS lo, max(value) AS hi,
      min(step) AS fs, argMin(value, ${order}) AS fv, max(step) AS ls, argMax(value, ${order}) AS lv,
      toUInt64(1) AS n, ${neverStep} AS nan_at, ${neverStep} AS plus_at, ${neverStep} AS minus_at`
    : `minIf(value, ${f}) AS lo, maxIf(value, ${f}) AS hi,
      minIf(step, ${f}) AS fs, argMinIf(value, ${order}, ${f}) AS fv, maxIf(step, ${f}) AS ls, argMaxIf(value, ${order}, ${f}) AS lv,
      ${countOf(source)} AS n,
      min(if(isNaN(value), step, ${neverStep})) AS nan_at,
      min(if(isInfinite(value) AND value > 0, step, ${neverStep})) AS plus_at,
      min(if(isInfinite(value) AND value < 0, step, ${neverStep})) AS minus_at`;
  return `SELECT ${owner(source)}, ${bucketOf(source, 'step')} AS b, ${columns}
    FROM ${table('points')} ${facts.rewritten ? 'FINAL' : ''}
    WHERE ${seriesCondition(source)} AND ${rangeCondition(ranges)} AND ${unlessSuperseded(table, facts, ranges, hashesOf(source))} ${source.finite ? `AND ${f}` : ''}
    GROUP BY ${owner(source)}, b`;
}

export const hashesOf = ({ members }: Pick<BucketSource, 'members'>): readonly bigint[] | undefined =>
  members?.map(({ hash }) => hash);

/** Without FINAL a step may be there twice. */
function countOf({ facts, plan, clock, countless }: BucketSource): string {
  if (facts.rewritten && !countless) return `countIf(${f})`;
  return plan.width === 1 || clock || countless ? `toUInt64(max(${f}))` : `uniqExactIf(step, ${f})`;
}

function rollupBuckets(source: BucketSource): string {
  const { facts, plan, table, ranges } = source;
  const { trusted, raw } = apart(ranges, supersededWindow(facts, ranges));
  const interior = trusted.map((range) => interiorOf(range, plan.unit)).filter((range) => range.from < range.to);
  const edges = [...trusted.flatMap((range) => edgesOf(range, plan.unit)), ...raw];
  const parts: string[] = [];
  const by = owner(source);
  const uncounted = source.clock === true || source.countless === true || source.finite === true;
  if (interior.length > 0) {
    const bounds = bucketCondition(interior);
    const rows = `FROM ${table(rollupOf(plan))} WHERE ${seriesCondition(source)} AND ${bounds}`;
    const columns = `min(min) AS lo, max(max) AS hi, min(first.1) AS fs, argMin(first.2, first.1) AS fv, max(last.1) AS ls,
      argMax(last.2, last.1) AS lv`;
    const odd = 'min(nan_at) AS nan_at, min(plus_at) AS plus_at, min(minus_at) AS minus_at';
    // a bucket's mask may be spread over rows, and rows may be there twice: or first, then count
    parts.push(
      `SELECT ${by}, ${bucketOf(source, `bucket * ${plan.unit}`)} AS b, ${columns}, toUInt64(${uncounted ? 'max(mask != 0)' : '0'}) AS n, ${odd} ${rows} GROUP BY ${by}, b`,
    );
    if (!uncounted) parts.push(countBuckets(source, interior));
  }
  if (edges.length > 0) {
    // a point may be there twice until a merge, the same each time; FINAL would read the whole series for these few
    parts.push(`SELECT ${by}, ${bucketOf(source, 'step')} AS b, if(${f}, value, inf) AS lo, if(${f}, value, -inf) AS hi,
      if(${f}, step, ${neverStep}) AS fs, value AS fv, if(${f}, step, -${neverStep}) AS ls, value AS lv, toUInt64(${f}) AS n,
      if(isNaN(value), step, ${neverStep}) AS nan_at, if(isInfinite(value) AND value > 0, step, ${neverStep}) AS plus_at,
      if(isInfinite(value) AND value < 0, step, ${neverStep}) AS minus_at
      FROM ${table('points')} WHERE ${seriesCondition(source)} AND ${rangeCondition(edges)} AND ${unlessSuperseded(table, facts, ranges, hashesOf(source))}
      LIMIT 1 BY attempt, ${by}, step, ord`);
  }
  // parts of parts: needless for whole units alone, and each level costs milliseconds to plan
  if (edges.length === 0 && uncounted) return parts[0]!;
  return `SELECT ${by}, b, min(r.lo) AS lo, max(r.hi) AS hi, min(r.fs) AS fs, argMin(r.fv, r.fs) AS fv, max(r.ls) AS ls, argMax(r.lv, r.ls) AS lv,
      sum(r.n) AS n, min(r.nan_at) AS nan_at, min(r.plus_at) AS plus_at, min(r.minus_at) AS minus_at
    FROM (${parts.join(' UNION ALL ')}) AS r GROUP BY ${by}, b`;
}

const rollupOf = ({ unit }: BucketPlan): TableName => (unit === 64 ? 'rollup_64' : 'rollup_256');

/** Whole units as a condition on rollup rows. */
function bucketCondition(ranges: readonly UnitRange[]): string {
  const bounds = ranges.map(({ attempt, rank, from, to }) => {
    const of = rank === undefined ? '' : `rank = ${rank}`;
    return `(${[`attempt = ${attempt}`, of, between(rollupBlock, from, to)].filter(Boolean).join(' AND ')})`;
  });
  return `(${bounds.join(' OR ')})`;
}

interface UnitRange {
  readonly attempt: number;
  readonly rank: number | undefined;
  readonly from: number;
  readonly to: number;
}

/** Counts come from the bits, so that what is there twice is counted once. */
function countBuckets(source: BucketSource, interior: readonly UnitRange[]): string {
  const { plan, table } = source;
  const by = owner(source);
  return `SELECT ${by}, ${bucketOf(source, `bucket * ${plan.unit}`)} AS b, inf AS lo, -inf AS hi, ${neverStep} AS fs, 0. AS fv, -${neverStep} AS ls, 0. AS lv,
      toUInt64(sum(bitCount(bits))) AS n, ${neverStep} AS nan_at, ${neverStep} AS plus_at, ${neverStep} AS minus_at
    FROM (SELECT ${by}, attempt, bucket, groupBitOr(mask) AS bits FROM ${table(rollupOf(plan))}
      WHERE ${seriesCondition(source)} AND ${bucketCondition(interior)} GROUP BY ${by}, attempt, bucket)
    GROUP BY ${by}, b`;
}

/** A rollup can't leave out single steps: ranges around the window that holds superseded ones, and what of them lies in it. */
function apart(
  ranges: readonly VisibleRange[],
  window: SeriesFacts['superseded'],
): { readonly trusted: readonly VisibleRange[]; readonly raw: readonly VisibleRange[] } {
  if (!window) return { trusted: ranges, raw: [] };
  const within = (lo: number, hi: number): readonly VisibleRange[] =>
    ranges
      .map((range) => ({ ...range, lo: Math.max(lo, range.lo), hi: Math.min(hi, range.hi) }))
      .filter((range) => range.lo < range.hi && range.lo <= range.last && range.hi > range.first);
  return {
    trusted: [...within(-Infinity, window.first), ...within(window.last + 1, Infinity)],
    raw: within(window.first, window.last + 1),
  };
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

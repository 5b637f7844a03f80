import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import { bucketsByRank, planBuckets, type BucketPlan } from './bucket-plan.js';
import { between, stepBlock } from '../tables/key-blocks.js';
import type { TableLookup } from '../tables/live-generation.js';
import { clockKey, nameHash, systemClockKey } from '../metric-names.js';
import type { SeriesColumns, SeriesQuery } from '../metric-store.js';
import { never } from '../tables/rollup-columns.js';
import { readSeriesColumns, selectBuckets, selectFirsts } from './series-columns.js';
import {
  rangeCondition,
  rankCondition,
  supersededWindow,
  unlessSuperseded,
  visibleRanges,
  type SeriesFacts,
  type VisibleRange,
} from './visible-steps.js';

/** Rows of a series with their times: their own, or what the clock of their record says. */
export function timedPoints(
  table: TableLookup,
  facts: SeriesFacts,
  ranges: readonly VisibleRange[],
  ranks: readonly number[] | undefined,
): string {
  const clock = nameHash(facts.system ? systemClockKey : clockKey);
  const where = `run = ${facts.run} AND ${rankCondition(ranks)} AND ${rangeCondition(ranges)}`;
  return `SELECT p.attempt AS attempt, p.rank AS rank, p.step AS step, p.ord AS ord, p.value AS value,
      if(p.time != 0, toFloat64(p.time), c.value) AS t
    FROM (SELECT attempt, rank, step, ord, value, time, bitShiftRight(version, 32) AS record FROM ${table('points')} FINAL
      WHERE series = ${facts.hash} AND ${where} AND ${unlessSuperseded(table, facts, ranges)}) AS p
    LEFT ANY JOIN (SELECT attempt, rank, step, ord, value FROM ${table('points')} FINAL WHERE series = ${clock} AND ${where}) AS c
      ON p.attempt = c.attempt AND p.rank = c.rank AND p.step = c.step AND p.record = c.ord`;
}

/** With a window in time every rank has its own range of steps; of more ranks than this the rows are joined instead. */
const windowRangesMax = 64;

export interface TimedQuery {
  readonly client: ClickHouseClient;
  readonly table: TableLookup;
  readonly facts: SeriesFacts;
  /** Of the clock by which the series' steps are timed. */
  readonly clock: SeriesFacts;
  readonly query: SeriesQuery;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A series over time. Its steps are bucketed like any others, from rollups where they serve, and each bucket is placed at the time that
 * the clock tells for its first step: a clock is a series too and has rollups, so no point is joined with its time.
 */
export async function timeSeries(timed: TimedQuery): Promise<SeriesColumns[]> {
  const { client, table, facts, clock, query, signal } = timed;
  const visible = visibleRanges(facts, { attempt: query.attempt, attemptMax: query.attemptMax });
  if (visible.length === 0) return [];
  const told = visible.every(({ attempt }) => clock.reach.has(attempt));
  // steps that count by themselves begin again with each attempt, so several of them do not lie side by side
  if (!told || facts.rewritten || supersededWindow(facts, visible) || (facts.system && visible.length > 1))
    return joinedSeries(client, table, facts, visible, query, signal);
  const windowed = query.from !== undefined || query.to !== undefined;
  const ranges = windowed ? await windowRanges(timed, visible) : visible;
  if (ranges === null) return joinedSeries(client, table, facts, visible, query, signal);
  if (ranges.length === 0) return [];
  const plan = planBuckets(ranges, query.buckets, false, 1);
  const source = { table, ranges, ranks: query.ranks, plan };
  const [series, times] = await Promise.all([
    client.query(selectBuckets(bucketsByRank({ ...source, facts, countless: query.countless })), { signal }),
    client.query(selectFirsts(bucketsByRank({ ...source, facts: clock, clock: true })), { signal }),
  ]);
  return placedInTime(readSeriesColumns(facts.key, series), times, plan);
}

/** Steps of each attempt and rank from the first one timed in the window to the last; null when these are too many. */
async function windowRanges(
  timed: TimedQuery,
  visible: readonly VisibleRange[],
): Promise<readonly VisibleRange[] | null> {
  const { client, table, clock, query, signal } = timed;
  const where = `run = ${clock.run} AND series = ${clock.hash} AND ${rankCondition(query.ranks)}`;
  const after = (time: string): string => (query.from === undefined ? '1' : `${time} >= ${Number(query.from)}`);
  const before = (time: string): string => (query.to === undefined ? '1' : `${time} < ${Number(query.to)}`);
  // the clock's rollup tells in which blocks of 64 steps the window begins and ends, the rows of those at which step
  const blocks = await client.query(
    `SELECT toUInt32(attempt) AS a, rank AS r, toFloat64(minIf(bucket, ${after('max')})) AS low, toFloat64(maxIf(bucket, ${before('min')})) AS high
     FROM ${table('rollup_64')} WHERE ${where} AND attempt IN (${visible.map(({ attempt }) => attempt).join(', ')})
     GROUP BY a, r HAVING countIf(${after('max')}) > 0 AND countIf(${before('min')}) > 0`,
    { signal },
  );
  if (blocks.rows === 0) return [];
  if (blocks.rows > windowRangesMax) return null;
  const edges = Array.from({ length: blocks.rows }, (_, i) => {
    const near = (block: number): string => between(stepBlock, block * 64, block * 64 + 64);
    const [low, high] = [blocks.f64('low')[i]!, blocks.f64('high')[i]!];
    return `(attempt = ${blocks.u32('a')[i]!} AND rank = ${blocks.u32('r')[i]!} AND (${near(low)} OR ${near(high)}))`;
  });
  const inside = `${after('value')} AND ${before('value')}`;
  const rows = await client.query(
    `SELECT toUInt32(attempt) AS a, rank AS r, toFloat64(minIf(step, ${inside})) AS first, toFloat64(maxIf(step, ${inside})) AS last
     FROM ${table('points')} WHERE ${where} AND (${edges.join(' OR ')}) GROUP BY a, r HAVING countIf(${inside}) > 0`,
    { signal },
  );
  return Array.from({ length: rows.rows }, (_, i): VisibleRange | null => {
    const range = visible.find(({ attempt }) => attempt === rows.u32('a')[i])!;
    const first = Math.max(range.lo, rows.f64('first')[i]!);
    const last = Math.min(range.hi - 1, rows.f64('last')[i]!);
    return first > last
      ? null
      : { attempt: range.attempt, rank: rows.u32('r')[i]!, lo: first, hi: last + 1, first, last };
  }).filter((range) => range !== null);
}

/** Steps of the columns become times. */
function placedInTime(all: SeriesColumns[], times: ResultColumns, { origin, width }: BucketPlan): SeriesColumns[] {
  if (times.rows === 0) return [];
  const told = new Map<number, Map<number, number>>();
  const [rank, x, value] = [times.u32('rank'), times.f64('x'), times.f64('fv')];
  const bucketOf = (step: number): number => Math.floor((step - origin) / width);
  for (let i = 0; i < times.rows; i++) {
    let buckets = told.get(rank[i]!);
    if (!buckets) told.set(rank[i]!, (buckets = new Map<number, number>()));
    buckets.set(bucketOf(x[i]!), value[i]!);
  }
  return all.map((series) => {
    const buckets = told.get(series.rank);
    const timeOf = (step: number): number => buckets?.get(bucketOf(step)) ?? Number.NaN;
    return { ...series, x: series.x.map(timeOf), oddX: series.oddX.map(timeOf) };
  });
}

/**
 * Buckets of time from rows joined with their clock: for series whose points carry their own times or were written again. Reads every
 * point of the run, for such a point may lie anywhere.
 */
async function joinedSeries(
  client: ClickHouseClient,
  table: TableLookup,
  facts: SeriesFacts,
  ranges: readonly VisibleRange[],
  query: SeriesQuery,
  signal?: AbortSignal,
): Promise<SeriesColumns[]> {
  const points = timedPoints(table, facts, ranges, query.ranks);
  const extent = await client.query(
    `SELECT count() AS n, min(t) AS lo, max(t) AS hi FROM (${points}) WHERE ${timeCondition(query)}`,
    { signal },
  );
  if (extent.u64('n')[0] === 0n) return [];
  const [lo, hi] = [extent.f64('lo')[0]!, extent.f64('hi')[0]!];
  const width = Math.max(1, Math.ceil((hi - lo + 1) / Math.max(1, Math.floor(query.buckets))));
  const f = 'isFinite(value)';
  const order = '(t, step, ord)';
  const buckets = `SELECT rank, toInt64(floor((t - (${lo})) / ${width})) AS b, minIf(value, ${f}) AS lo, maxIf(value, ${f}) AS hi,
      minIf(t, ${f}) AS fs, argMinIf(value, ${order}, ${f}) AS fv, argMaxIf(value, ${order}, ${f}) AS lv, countIf(${f}) AS n,
      min(if(isNaN(value), t, toFloat64(${never}))) AS nan_at,
      min(if(isInfinite(value) AND value > 0, t, toFloat64(${never}))) AS plus_at,
      min(if(isInfinite(value) AND value < 0, t, toFloat64(${never}))) AS minus_at
    FROM (${points}) WHERE ${timeCondition(query)} GROUP BY rank, b`;
  return readSeriesColumns(facts.key, await client.query(selectBuckets(buckets), { signal }));
}

function timeCondition({ from, to }: SeriesQuery): string {
  const bounds = [from === undefined ? '' : `t >= ${Number(from)}`, to === undefined ? '' : `t < ${Number(to)}`].filter(
    Boolean,
  );
  return bounds.join(' AND ') || '1';
}

import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { TableLookup } from './live-generation.js';
import { clockKey, nameHash, systemClockKey } from './metric-names.js';
import type { SeriesColumns, SeriesQuery } from './metric-store.js';
import { never } from './rollup-columns.js';
import { readSeriesColumns, selectBuckets } from './series-columns.js';
import { rangeCondition, rankCondition, visibleRanges, type SeriesFacts } from './visible-steps.js';

/** Rows of a series with their times: their own, or what the clock of their record says. */
export function timedPoints(
  table: TableLookup,
  facts: Pick<SeriesFacts, 'run' | 'hash' | 'system'>,
  condition: string,
  ranks: readonly number[] | undefined,
): string {
  const clock = nameHash(facts.system ? systemClockKey : clockKey);
  const where = `run = ${facts.run} AND ${rankCondition(ranks)} AND ${condition}`;
  return `SELECT p.attempt AS attempt, p.rank AS rank, p.step AS step, p.ord AS ord, p.value AS value,
      if(p.time != 0, toFloat64(p.time), c.value) AS t
    FROM (SELECT attempt, rank, step, ord, value, time, bitShiftRight(version, 32) AS record FROM ${table('points')} FINAL
      WHERE series = ${facts.hash} AND ${where}) AS p
    LEFT ANY JOIN (SELECT attempt, rank, step, ord, value FROM ${table('points')} FINAL WHERE series = ${clock} AND ${where}) AS c
      ON p.attempt = c.attempt AND p.rank = c.rank AND p.step = c.step AND p.record = c.ord`;
}

/** Buckets of time. Rows are joined with their clock, so this reads every point of the window. */
export async function timeSeries(
  client: ClickHouseClient,
  table: TableLookup,
  facts: SeriesFacts,
  query: SeriesQuery,
  signal?: AbortSignal,
): Promise<SeriesColumns[]> {
  const ranges = visibleRanges(facts, { attempt: query.attempt, attemptMax: query.attemptMax });
  if (ranges.length === 0) return [];
  const points = timedPoints(table, facts, rangeCondition(ranges), query.ranks);
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

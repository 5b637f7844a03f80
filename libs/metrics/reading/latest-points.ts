import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { TableLookup } from '../tables/live-generation.js';
import type { LatestPoints, LatestPointsQuery } from '../metric-store.js';
import { timedPoints } from './time-series.js';
import { extentOf, visibleRanges, type SeriesFacts } from './visible-steps.js';

/** Steps looked back on per wanted point, so that a long run costs no more than a short one. */
const stepsPerPoint = 4;

/** The newest points of one key, per (rank, attempt) in order of step. */
export async function readLatestPoints(
  client: ClickHouseClient,
  table: TableLookup,
  facts: SeriesFacts,
  query: LatestPointsQuery,
  signal?: AbortSignal,
): Promise<readonly LatestPoints[]> {
  const whole = visibleRanges(facts, {});
  if (whole.length === 0) return [];
  const from = extentOf(whole).max - stepsPerPoint * query.pointsMax;
  const ranges = facts.system ? whole : visibleRanges(facts, { from });
  if (ranges.length === 0) return [];
  const rows = await client.query(
    `SELECT * FROM (
       SELECT toFloat64(step) AS at, toInt32(rank) AS r, toInt32(attempt) AS a, value, t
       FROM (${timedPoints(table, facts, ranges, query.ranks)})
       ORDER BY step DESC LIMIT ${Number(query.pointsMax)} BY rank
     ) ORDER BY r, a, at`,
    { signal },
  );
  const found: LatestPoints[] = [];
  if (rows.rows === 0) return found;
  const [step, value, time] = [rows.f64('at'), rows.f64('value'), rows.f64('t')];
  const [rank, attempt] = [rows.columns.get('r') as Int32Array, rows.columns.get('a') as Int32Array];
  for (let start = 0, i = 1; i <= rows.rows; i++) {
    if (i < rows.rows && rank[i] === rank[start] && attempt[i] === attempt[start]) continue;
    found.push({
      key: facts.key,
      rank: rank[start]!,
      attempt: attempt[start]!,
      step: step.slice(start, i),
      value: value.slice(start, i),
      time: time.slice(start, i),
    });
    start = i;
  }
  return found;
}

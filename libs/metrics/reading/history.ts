import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { TableLookup } from '../tables/live-generation.js';
import type { HistoryColumns, HistoryQuery } from '../metric-store.js';
import { timedPoints } from './time-series.js';
import { visibleRanges, type SeriesFacts } from './visible-steps.js';

/** Every value of a series of all ranks by (time, step, value), a slice of them. */
export async function readHistory(
  client: ClickHouseClient,
  table: TableLookup,
  facts: SeriesFacts,
  { offset, limit }: HistoryQuery,
  signal?: AbortSignal,
): Promise<HistoryColumns> {
  const ranges = visibleRanges(facts, {});
  const none = { step: new Float64Array(0), value: new Float64Array(0), time: new Float64Array(0) };
  if (ranges.length === 0) return none;
  const rows = await client.query(
    `SELECT toFloat64(step) AS at, value, t FROM (${timedPoints(table, facts, ranges, undefined)})
     ORDER BY t, step, value LIMIT ${Number(offset)}, ${Number(limit)}`,
    { signal },
  );
  return rows.rows === 0 ? none : { step: rows.f64('at'), value: rows.f64('value'), time: rows.f64('t') };
}

import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { Moments, MomentsQuery } from '../metric-store.js';
import type { TableLookup } from '../tables/live-generation.js';
import { rangeCondition, readFactsOfRuns, unlessSuperseded, visibleRanges, type SeriesFacts } from './visible-steps.js';

/** So many series are one question to the store: their conditions stay well below what a query may be long. */
const seriesAtOnce = 500;
/** Sums of numbers beyond this could overflow, though their mean does not. */
const large = '1e280';
const scale = '0x1p-64';

/** All values of each series that its history shows, as a few numbers. Series without a value are left out. */
export async function readMoments(
  client: ClickHouseClient,
  table: TableLookup,
  queries: readonly MomentsQuery[],
  signal?: AbortSignal,
): Promise<readonly (readonly Moments[])[]> {
  const asked = queries.map(({ run, keys }) => ({ run, keys }));
  const facts = await readFactsOfRuns(client, table, asked, signal);
  const found = new Map<string, Omit<Moments, 'key'>>();
  const all = facts.flat();
  for (let from = 0; from < all.length; from += seriesAtOnce)
    await readSome(client, table, all.slice(from, from + seriesAtOnce), found, signal);
  return facts.map((ofRun) =>
    ofRun.flatMap((one) => {
      const moments = found.get(nameOf(one.run, one.hash));
      return moments ? [{ key: one.key, ...moments }] : [];
    }),
  );
}

const nameOf = (run: bigint, series: bigint): string => `${run} ${series}`;

async function readSome(
  client: ClickHouseClient,
  table: TableLookup,
  facts: readonly SeriesFacts[],
  found: Map<string, Omit<Moments, 'key'>>,
  signal?: AbortSignal,
): Promise<void> {
  // most series of a run are seen in the same steps of the same attempts
  const alike = new Map<string, { readonly run: bigint; readonly seen: string; readonly series: Set<bigint> }>();
  for (const one of facts) {
    const ranges = visibleRanges(one, {});
    if (ranges.length === 0) continue;
    const seen = `${rangeCondition(ranges)} AND ${unlessSuperseded(table, one, ranges)}`;
    const name = `${one.run} ${seen}`;
    const group = alike.get(name) ?? { run: one.run, seen, series: new Set<bigint>() };
    alike.set(name, group);
    group.series.add(one.hash);
  }
  if (alike.size === 0) return;
  const where = [...alike.values()].map(
    ({ run, seen, series }) => `(run = ${run} AND series IN (${[...series].join(', ')}) AND ${seen})`,
  );
  // beside NaN and infinities there is no order, and no rounding to take care of
  const mean = `multiIf(countIf(NOT isFinite(value)) > 0, avg(value),
      maxIf(abs(value), isFinite(value)) > ${large}, sumKahan(value * ${scale}) / count() / ${scale}, sumKahan(value) / count())`;
  const rows = await client.query(
    `SELECT run, series, toFloat64(count()) AS n, toFloat64(countIf(isNaN(value))) AS odd,
       minIf(value, NOT isNaN(value)) AS low, maxIf(value, NOT isNaN(value)) AS high, ${mean} AS mean, stddevPopStable(value) AS deviation
     FROM ${table('points')} FINAL WHERE ${where.join(' OR ')} GROUP BY run, series`,
    { signal },
  );
  if (rows.rows === 0) return;
  const [run, series, count, odd] = [rows.u64('run'), rows.u64('series'), rows.f64('n'), rows.f64('odd')];
  const [low, high, average, deviation] = [rows.f64('low'), rows.f64('high'), rows.f64('mean'), rows.f64('deviation')];
  for (let i = 0; i < rows.rows; i++) {
    const none = odd[i] === count[i];
    found.set(nameOf(run[i]!, series[i]!), {
      count: count[i]!,
      min: none ? NaN : low[i]!,
      max: none ? NaN : high[i]!,
      mean: average[i]!,
      deviation: deviation[i]!,
    });
  }
}

import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { bucketsByRank, planBuckets, type BucketPlan } from './bucket-plan.js';
import type { TableLookup } from '../tables/live-generation.js';
import type { SeriesColumns, SeriesQuery } from '../metric-store.js';
import { readPlainSeries, selectPlain } from './plain-series.js';
import { readManySeriesColumns, readSeriesColumns, selectBuckets } from './series-columns.js';
import { visibleRanges, type SeriesFacts, type VisibleRange } from './visible-steps.js';

interface Alike {
  readonly ranges: readonly VisibleRange[];
  readonly plan: BucketPlan;
  readonly facts: SeriesFacts[];
}

/** Charts over steps. Keys that are cut into the same buckets are one query: planning one takes longer than reading a curve. */
export async function stepSeries(
  client: ClickHouseClient,
  table: TableLookup,
  facts: readonly SeriesFacts[],
  query: SeriesQuery,
  signal?: AbortSignal,
): Promise<readonly SeriesColumns[]> {
  const groups = new Map<string, Alike>();
  for (const one of facts) {
    const ranges = visibleRanges(one, query);
    if (ranges.length === 0) continue;
    const plan = planBuckets(ranges, query.buckets, one.rewritten);
    const cuts = ranges.map(({ attempt, rank, lo, hi }) => [attempt, rank, `${lo}`, `${hi}`]);
    const name = JSON.stringify([one.rewritten, one.superseded, plan, cuts]);
    const group = groups.get(name);
    if (group) group.facts.push(one);
    else groups.set(name, { ranges, plan, facts: [one] });
  }
  const found = await Promise.all([...groups.values()].map((group) => readAlike(client, table, group, query, signal)));
  return found.flat();
}

async function readAlike(
  client: ClickHouseClient,
  table: TableLookup,
  { ranges, plan, facts }: Alike,
  { ranks, countless }: SeriesQuery,
  signal?: AbortSignal,
): Promise<readonly SeriesColumns[]> {
  const source = { table, facts: facts[0]!, ranges, ranks, plan, countless };
  const keys = new Map(facts.map(({ hash, key }) => [hash, key]));
  if (plan.width === 1 && !facts[0]!.rewritten)
    return readPlainSeries(keys, await client.query(selectPlain({ ...source, series: [...keys.keys()] }), { signal }));
  if (facts.length === 1)
    return readSeriesColumns(facts[0]!.key, await client.query(selectBuckets(bucketsByRank(source)), { signal }));
  const buckets = bucketsByRank({ ...source, series: [...keys.keys()] });
  return readManySeriesColumns(keys, await client.query(selectBuckets(buckets, 'series, rank'), { signal }));
}

import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { bucketsByRank, memberId, planBuckets, type BucketPlan, type SeriesMember } from './bucket-plan.js';
import type { TableLookup } from '../tables/live-generation.js';
import type { SeriesQuery } from '../metric-store.js';
import { readPlainSeries, selectPlain } from './plain-series.js';
import { readManySeriesColumns, selectBuckets } from './series-columns.js';
import type { SeriesOf } from './series-slices.js';
import { supersededWindow, visibleRanges, type SeriesFacts, type VisibleRange } from './visible-steps.js';

/** A chart over steps: of which series, and how. */
export interface StepChart {
  readonly facts: SeriesFacts;
  readonly query: SeriesQuery;
}

interface Alike {
  readonly ranges: readonly VisibleRange[];
  readonly plan: BucketPlan;
  readonly chart: StepChart;
  readonly members: Map<bigint, SeriesMember>;
}

/**
 * Charts over steps, of whatever runs: what each of them shows. Those that are read in the same way are one query: planning one takes longer
 * than reading a curve.
 */
export async function stepSeries(
  client: ClickHouseClient,
  table: TableLookup,
  charts: readonly StepChart[],
  signal?: AbortSignal,
): Promise<readonly (readonly SeriesOf[])[]> {
  const groups = new Map<string, Alike>();
  const groupOf = charts.map((chart): Alike | null => {
    const { facts, query } = chart;
    const ranges = visibleRanges(facts, query);
    if (ranges.length === 0) return null;
    const plan = planBuckets(ranges, query.buckets, facts.rewritten);
    const id = memberId(facts);
    let name = nameOf(chart, ranges, plan);
    const taken = groups.get(name)?.members.get(id);
    if (taken && taken.run !== facts.run) name += ` ${facts.run}`;
    const group = groups.get(name) ?? { ranges, plan, chart, members: new Map<bigint, SeriesMember>() };
    groups.set(name, group);
    group.members.set(id, { run: facts.run, hash: facts.hash, plan });
    return group;
  });
  const found = new Map<Alike, ReadonlyMap<bigint, readonly SeriesOf[]>>();
  await Promise.all(
    [...groups.values()].map(async (group) =>
      found.set(group, byMember(await readAlike(client, table, group, signal))),
    ),
  );
  return charts.map(({ facts }, index) => found.get(groupOf[index] as Alike)?.get(memberId(facts)) ?? []);
}

function byMember(all: readonly SeriesOf[]): ReadonlyMap<bigint, readonly SeriesOf[]> {
  const members = new Map<bigint, SeriesOf[]>();
  for (const one of all) {
    const own = members.get(memberId(one));
    if (own) own.push(one);
    else members.set(memberId(one), [one]);
  }
  return members;
}

/** The same for charts that can be read together: where their buckets lie is each one's own. */
function nameOf({ facts, query }: StepChart, ranges: readonly VisibleRange[], plan: BucketPlan): string {
  const cuts = ranges.map(({ attempt, rank, lo, hi }) => [attempt, rank, `${lo}`, `${hi}`]);
  const superseded = supersededWindow(facts, ranges);
  // superseded steps are looked up by run
  const own = superseded && [`${facts.run}`, superseded];
  const { buckets, ranks, countless } = query;
  return JSON.stringify([facts.rewritten, own, plan.unit, plan.width === 1, buckets, ranks, countless, cuts]);
}

async function readAlike(
  client: ClickHouseClient,
  table: TableLookup,
  { ranges, plan, chart: { facts, query }, members }: Alike,
  signal?: AbortSignal,
): Promise<readonly SeriesOf[]> {
  const { ranks, countless } = query;
  const source = { table, facts, ranges, ranks, plan, countless, members: [...members.values()] };
  if (plan.width === 1 && !facts.rewritten) return readPlainSeries(await client.query(selectPlain(source), { signal }));
  const buckets = selectBuckets(bucketsByRank(source), 'run, series, rank');
  return readManySeriesColumns(await client.query(buckets, { signal }));
}

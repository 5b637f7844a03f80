import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { clockKey, systemClockKey } from '../metric-names.js';
import type { SeriesColumns, SeriesQuery } from '../metric-store.js';
import type { TableLookup } from '../tables/live-generation.js';
import { stepSeries } from './step-series.js';
import { timeSeries } from './time-series.js';
import { readFactsOfRuns, type FactsQuery, type SeriesFacts } from './visible-steps.js';

export interface ChartReader {
  readonly client: ClickHouseClient;
  readonly table: TableLookup;
  readonly signal?: AbortSignal | undefined;
}

/** All charts over steps together; those over time one by one, each with the clock of its run. */
export async function readCharts(
  { client, table, signal }: ChartReader,
  queries: readonly SeriesQuery[],
): Promise<readonly (readonly SeriesColumns[])[]> {
  const known = await factsOf({ client, table, signal }, queries);
  const charts = queries.map((query, index) => {
    const [clock, systemClock] = known[index]!.slice(query.keys.length);
    return known[index]!.slice(0, query.keys.length).map((facts) => ({
      facts,
      query,
      clock: facts.system ? systemClock : clock,
    }));
  });
  const overSteps = charts.flat().filter((chart) => !chart.clock);
  const [steps, timed] = await Promise.all([
    stepSeries(client, table, overSteps, signal),
    Promise.all(
      charts.flat().map(async ({ facts, query, clock }) => {
        return clock ? timeSeries({ client, table, facts, clock, query, signal }) : [];
      }),
    ),
  ]);
  let [next, nextStep] = [0, 0];
  // as asked for, however they were read
  return charts.map((ofQuery) =>
    ofQuery.flatMap(({ facts: { key }, clock }): readonly SeriesColumns[] => {
      const overTime = timed[next++]!;
      return clock ? overTime : steps[nextStep++]!.map(({ rank, columns }) => ({ key, rank, ...columns }));
    }),
  );
}

/** Of each query's keys, and of the clocks where it is about time. Those for the same ranks are one question. */
async function factsOf(
  { client, table, signal }: ChartReader,
  queries: readonly SeriesQuery[],
): Promise<readonly (readonly SeriesFacts[])[]> {
  const groups = new Map<string, { readonly index: number; readonly facts: FactsQuery }[]>();
  queries.forEach(({ run, keys, ranks, x }, index) => {
    const clocks = x === 'time' && keys.length > 0 ? [clockKey, systemClockKey] : [];
    const name = JSON.stringify(ranks ?? null);
    const facts = { run, keys: [...keys, ...clocks], ranks };
    if (keys.length > 0) groups.set(name, [...(groups.get(name) ?? []), { index, facts }]);
  });
  const out: (readonly SeriesFacts[])[] = queries.map(() => []);
  const ask = async (group: readonly { readonly index: number; readonly facts: FactsQuery }[]) => {
    const found = await readFactsOfRuns(
      client,
      table,
      group.map(({ facts }) => facts),
      signal,
    );
    group.forEach(({ index }, at) => (out[index] = found[at]!));
  };
  await Promise.all([...groups.values()].map(ask));
  return out;
}

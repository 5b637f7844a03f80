import { systemKey } from '#libs/domain/system-key.js';
import type { Moments } from '#libs/metrics/metric-store.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { componentName } from './components.js';
import { seconds, writeNumber } from './arns.js';
import type { Answer, Call } from './call.js';

/** One question to the store brings at most this many values. */
export const historyMax = 1_000_000;

/** The six statistics of every metric of these runs, by run id. */
export async function metricSummaries(
  call: Call,
  runs: readonly TrackedRun[],
): Promise<ReadonlyMap<string, readonly Answer[]>> {
  const { world } = call;
  const wanted = runs
    .map((run) => ({ run, metrics: run.metrics.filter(({ key }) => !systemKey(key) && key.length <= 255) }))
    .filter(({ metrics }) => metrics.length > 0);
  if (wanted.length === 0) return new Map();
  await world.log.subjectsSettled([...new Set(runs.map(({ state }) => state.id))], ['points']);
  const moments = await world.backend.metricStore.moments(
    wanted.map(({ run, metrics }) => ({ run: run.state.id, keys: metrics.map(({ key }) => key) })),
  );
  return new Map(
    wanted.map(({ run, metrics }, i) => {
      const told = new Map(moments[i]!.map((each) => [each.key, each]));
      const source = call.arnOf('experiment-trial-component', componentName(run));
      const answers = metrics.map(({ key, timeMs, value }): Answer => ({
        ...{ MetricName: key, SourceArn: source, TimeStamp: seconds(timeMs), Last: writeNumber(value) },
        ...statistics(told.get(key)),
      }));
      return [run.state.id, answers];
    }),
  );
}

function statistics(told: Moments | undefined): Answer {
  if (!told) return { Count: 0 };
  const { count, min, max, mean, deviation } = told;
  return {
    Max: writeNumber(max),
    Min: writeNumber(min),
    Count: count,
    Avg: writeNumber(mean),
    StdDev: writeNumber(deviation),
  };
}

/** Of all of them as they are (not of a sample), by Welford's method: https://doi.org/10.1080/00401706.1962.10490022 */
export function moments(values: Iterable<number>): {
  readonly count: number;
  readonly mean: number;
  readonly deviation: number;
} {
  let [count, mean, squares] = [0, 0, 0];
  for (const value of values) {
    count += 1;
    const off = value - mean;
    mean += off / count;
    squares += off * (value - mean);
  }
  return { count, mean, deviation: count === 0 ? NaN : Math.sqrt(squares / count) };
}

import { systemKey } from '#libs/domain/system-key.js';
import type { TrackedRun } from '#libs/runs/tracking-tables.js';
import { componentName } from './components.js';
import { seconds, writeNumber } from './arns.js';
import type { Answer, Call } from './call.js';

/** One question to the store brings at most this many values. */
export const historyMax = 1_000_000;
const atOnce = 8;

/** The six statistics of every metric of these runs, by run id. */
export async function metricSummaries(
  call: Call,
  runs: readonly TrackedRun[],
): Promise<ReadonlyMap<string, readonly Answer[]>> {
  const { world } = call;
  const wanted = runs.flatMap((run) =>
    run.metrics.filter(({ key }) => !systemKey(key) && key.length <= 255).map((metric) => ({ run, metric })),
  );
  const found = new Map<string, Answer[]>();
  if (wanted.length === 0) return found;
  await world.log.subjectsSettled([...new Set(runs.map(({ state }) => state.id))], ['points']);
  const answers = new Array<Answer>(wanted.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < wanted.length) {
      const i = next++;
      const { run, metric } = wanted[i]!;
      const { key } = metric;
      const { value } = await world.backend.metricStore.history({
        run: run.state.id,
        key,
        offset: 0,
        limit: historyMax,
      });
      answers[i] = {
        MetricName: key,
        SourceArn: call.arnOf('experiment-trial-component', componentName(run)),
        TimeStamp: seconds(metric.timeMs),
        Last: writeNumber(metric.value),
        ...statistics(value),
      };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  wanted.forEach(({ run }, i) => {
    const list = found.get(run.state.id) ?? [];
    list.push(answers[i]!);
    found.set(run.state.id, list);
  });
  return found;
}

function statistics(values: Float64Array): Answer {
  const { count, mean, deviation } = moments(values);
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (count === 0) return { Count: 0 };
  const none = min > max; // all of them NaN
  return {
    Max: writeNumber(none ? NaN : max),
    Min: writeNumber(none ? NaN : min),
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

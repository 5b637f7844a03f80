import type { HistoryColumns } from '#libs/metrics/metric-store.js';
import { readOffset, writeNumber, writeOffset, type Answer, type Call } from './call.js';
import type { World } from './world.js';
import { invalid } from './mlflow-error.js';
import { checkRunId, runIdOf } from './runs.js';

const bulkRunsMax = 100;
const bulkResultsMax = 25_000;
const intervalResultsMax = 2_500;
/** One question to the store brings at most this many values. */
const sliceMax = 1_000_000;

async function slice(world: World, run: string, key: string, offset: number, limit: number): Promise<HistoryColumns> {
  await world.log.subjectsSettled([run], ['points']);
  return world.backend.metricStore.history({ run, key, offset, limit });
}

/** Without max_results everything is returned; clients that page get a token while there is more. */
export async function getHistory({ world, fields }: Call): Promise<Answer> {
  const run = runIdOf(fields);
  const key = fields.required('metric_key');
  const asked = fields.whole('max_results');
  if (asked !== null && asked < 1)
    throw invalid(`Invalid value ${asked} for parameter 'max_results' supplied. It must be a positive integer`);
  const offset = readOffset(fields.text('page_token'));
  await world.run(run);
  const limit = Math.min(asked ?? sliceMax, sliceMax);
  const { step, value, time } = await slice(world, run, key, offset, limit + 1);
  const count = Math.min(step.length, limit);
  const metrics = new Array<Answer>(count);
  for (let i = 0; i < count; i++)
    metrics[i] = { key, value: writeNumber(value[i]!), timestamp: time[i]!, step: step[i]! };
  return { metrics, ...(step.length > limit ? { next_page_token: writeOffset(offset + limit) } : {}) };
}

export async function getHistoryBulk({ world, fields }: Call): Promise<Answer> {
  const runs = fields.texts('run_id').map(checkRunId);
  const key = fields.required('metric_key');
  if (runs.length === 0) throw invalid("Missing value for required parameter 'run_id'.");
  if (runs.length > bulkRunsMax)
    throw invalid(
      `GetMetricHistoryBulk request cannot specify more than ${bulkRunsMax} run_ids. Received ${runs.length}.`,
    );
  const max = Math.min(fields.whole('max_results') ?? bulkResultsMax, bulkResultsMax);
  const metrics: Answer[] = [];
  for (const run of runs.toSorted()) {
    if (metrics.length >= max) break;
    const { step, value, time } = await slice(world, run, key, 0, max - metrics.length);
    for (let i = 0; i < step.length; i++)
      metrics.push({ key, value: writeNumber(value[i]!), timestamp: time[i]!, step: step[i]!, run_id: run });
  }
  return { metrics };
}

export async function getHistoryBulkInterval({ world, fields }: Call): Promise<Answer> {
  const runs = fields.texts('run_ids').map(checkRunId);
  const key = fields.required('metric_key');
  if (runs.length === 0) throw invalid("Missing value for required parameter 'run_ids'.");
  if (runs.length > bulkRunsMax)
    throw invalid(
      `GetMetricHistoryBulkInterval request must specify at most ${bulkRunsMax} run_ids. Received ${runs.length} run_ids.`,
    );
  const max = fields.whole('max_results') ?? intervalResultsMax;
  if (max < 1 || max > intervalResultsMax)
    throw invalid(`max_results must be between 1 and ${intervalResultsMax}. Received ${max}.`);
  const [from, to] = [fields.whole('start_step'), fields.whole('end_step')];
  if ((from === null) !== (to === null))
    throw invalid('If either start step or end step are specified, both must be specified.');
  if (from !== null && from > to!)
    throw invalid(`end_step must be greater than start_step. Found start_step=${from} and end_step=${to}.`);
  const within = (step: number): boolean => from === null || (step >= from && step <= to!);
  const histories: { readonly run: string; readonly columns: HistoryColumns }[] = [];
  for (const run of runs) histories.push({ run, columns: await slice(world, run, key, 0, sliceMax) });
  const steps = sampledSteps(
    histories.map(({ columns }) => columns.step.filter(within)),
    max,
  );
  const metrics: Answer[] = [];
  for (const { run, columns } of histories) {
    const rows: Answer[] = [];
    columns.step.forEach((step, i) => {
      if (within(step) && steps.has(step))
        rows.push({ key, value: writeNumber(columns.value[i]!), timestamp: columns.time[i]!, step, run_id: run });
    });
    metrics.push(...rows.sort((a, b) => (a['step'] as number) - (b['step'] as number)));
  }
  return { metrics };
}

/** Evenly over all steps that some run has, and the ends of each run. */
function sampledSteps(ofRuns: readonly Float64Array[], max: number): ReadonlySet<number> {
  const all = [...new Set(ofRuns.flatMap((steps) => [...steps]))].sort((a, b) => a - b);
  if (all.length <= max) return new Set(all);
  const sampled = new Set<number>();
  for (let i = 0; i < max; i++) sampled.add(all[Math.floor((i * all.length) / max)]!);
  sampled.add(all.at(-1)!);
  for (const steps of ofRuns) {
    if (steps.length === 0) continue;
    sampled.add(steps.reduce((a, b) => Math.min(a, b)));
    sampled.add(steps.reduce((a, b) => Math.max(a, b)));
  }
  return sampled;
}

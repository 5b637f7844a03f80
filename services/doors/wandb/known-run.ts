import type { RunStatus } from '#libs/domain/event.js';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import type { RunState } from '#libs/domain/run-fold.js';
import { inTrainingOrder } from '#libs/domain/run-fold-attempts.js';
import { systemKey } from '#libs/domain/system-key.js';
import { standingAt } from '#libs/runs/rules/run-standing.js';
import type { RunRow } from '#libs/runs/run-table.js';
import type { LatestMetric, TrackedRun } from '#libs/runs/tracking-tables.js';
import { jobTypeTag, preemptedTag } from './entities.js';
import { runtimeKey, seriesName, timestampKey } from './history-lines.js';
import { oddNumber } from './loose-json.js';
import { ownParam } from './run-config.js';
import type { World } from './world.js';

/** A run with all that its answers are made of. */
export interface KnownRun {
  readonly world: World;
  readonly project: ProjectState;
  readonly run: TrackedRun;
  readonly row: RunRow;
}

const states: Readonly<Record<RunStatus, string>> = {
  running: 'running',
  finished: 'finished',
  failed: 'failed',
  killed: 'killed',
  lost: 'crashed',
};
export function stateOf({ row, run, world }: KnownRun): string {
  const state = states[standingAt(row, world.backend.clock()).status];
  const { tags, attempts } = run.state;
  if (state === 'finished' || tags[preemptedTag]?.value !== String(inTrainingOrder(attempts).at(-1)?.number))
    return state;
  return state === 'running' ? 'preempting' : 'preempted';
}

export const jobTypeOf = ({ tags, facts }: RunState): string => tags[jobTypeTag]?.value ?? facts.jobType.value;

/** Times as W&B writes them: UTC without a zone. */
export const dateOf = (timeMs: number): string => new Date(timeMs).toISOString().replace(/\.\d+Z$/, '');

const latest = (run: TrackedRun, key: string): LatestMetric | undefined => run.metrics.find((each) => each.key === key);
/** One more than the highest line that has come. */
export const lineCount = async ({ world, run }: KnownRun, key: string): Promise<number> =>
  (await world.backend.runTable.summaries([run.state.id], [key])).get(run.state.id)?.[0]?.max ?? 0;

export const historyMetrics = ({ run }: KnownRun): readonly LatestMetric[] =>
  run.metrics.filter(({ key }) => !systemKey(key));
export const lastStepOf = (known: KnownRun): number =>
  historyMetrics(known).reduce((last, { step }) => Math.max(last, step), known.run.state.forkOf?.step ?? -1);

/** Series of which a program said `define_metric(…, summary="none")`: in what the client keeps of its own, by number of field. */
function unsummed(own: string): ReadonlySet<string> {
  const [kept, names] = [jsonOf(own), new Set<string>()];
  const defined: unknown = isObject(kept) ? kept['m'] : null;
  for (const each of Array.isArray(defined) ? (defined as unknown[]) : [])
    if (isObject(each) && typeof each['1'] === 'string' && Array.isArray(each['7']) && each['7'].includes(6))
      names.add(seriesName(each['1']));
  return names;
}

/** What the history ends with, and what the program set beside it. */
export function summaryOf(known: KnownRun): JsonObject {
  const { run } = known;
  const summary = new Map<string, unknown>();
  const set = Object.entries(run.state.summarySet).map(
    ([key, json]) => [key, oddNumber(jsonOf(json) ?? null)] as const,
  );
  // an object stands where the last values of its parts would
  const objects = set.filter(([, value]) => isObject(value)).map(([key]) => `${key}.`);
  const silent = unsummed(run.state.params[ownParam]?.value ?? '{}');
  for (const { key, value } of historyMetrics(known))
    if (!silent.has(key) && !objects.some((prefix) => key.startsWith(prefix))) summary.set(key, value);
  for (const [key, value] of set) summary.set(key, value);
  const [runtime, timestamp, step] = [latest(run, runtimeKey), latest(run, timestampKey), lastStepOf(known)];
  if (step >= 0) summary.set('_step', step);
  if (runtime) summary.set('_runtime', runtime.value).set('_wandb', { runtime: Math.floor(runtime.value) });
  if (timestamp) summary.set('_timestamp', timestamp.value);
  return Object.fromEntries(summary);
}

import type { RunStatus } from '#libs/domain/event.js';
import type { ProjectState } from '#libs/domain/catalog-fold.js';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import { systemKey } from '#libs/domain/system-key.js';
import { standingAt } from '#libs/runs/rules/run-standing.js';
import type { RunRow } from '#libs/runs/run-table.js';
import type { LatestMetric, TrackedRun } from '#libs/runs/tracking-tables.js';
import { runtimeKey, timestampKey } from './history-lines.js';
import { oddNumber } from './loose-json.js';
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
export const stateOf = ({ row, world }: KnownRun): string => states[standingAt(row, world.backend.clock()).status];

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

/** What the history ends with, and what the program set beside it. */
export function summaryOf(known: KnownRun): JsonObject {
  const { run } = known;
  const summary = new Map<string, unknown>();
  const set = Object.entries(run.state.summarySet).map(
    ([key, json]) => [key, oddNumber(jsonOf(json) ?? null)] as const,
  );
  // an object stands where the last values of its parts would
  const objects = set.filter(([, value]) => isObject(value)).map(([key]) => `${key}.`);
  for (const { key, value } of historyMetrics(known))
    if (!objects.some((prefix) => key.startsWith(prefix))) summary.set(key, value);
  for (const [key, value] of set) summary.set(key, value);
  const [runtime, timestamp, step] = [latest(run, runtimeKey), latest(run, timestampKey), lastStepOf(known)];
  if (step >= 0) summary.set('_step', step);
  if (runtime) summary.set('_runtime', runtime.value).set('_wandb', { runtime: Math.floor(runtime.value) });
  if (timestamp) summary.set('_timestamp', timestamp.value);
  return Object.fromEntries(summary);
}

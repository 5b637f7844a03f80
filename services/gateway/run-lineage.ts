import type { Backend } from '#libs/backend/backend.js';
import { ancestorsMax, withLineage, type Ancestor } from '#libs/metrics/reading/lineage.js';
import type { MetricStore } from '#libs/metrics/metric-store.js';
import type { RunRow } from '#libs/runs/run-table.js';

/** The metric store as a run sees it: with what it inherited, if it is a fork. */
export async function metricsOf(
  run: RunRow,
  { runTable, metricStore }: Pick<Backend, 'runTable' | 'metricStore'>,
): Promise<MetricStore> {
  const ancestors: Ancestor[] = [];
  const seen = new Set([run.id]);
  let step: number | null = null;
  let forkedAt = Infinity;
  for (let child = run; child.forkOf && ancestors.length < ancestorsMax && !seen.has(child.forkOf.run);) {
    const fork = child.forkOf;
    seen.add(fork.run);
    const parent = await runTable.run(fork.run);
    // a deleted run is not there, also not for those who came from it
    if (!parent) break;
    // what a fork has of its grandparents is no more than its parent had when it was forked
    if (fork.step !== null) step = Math.min(step ?? Infinity, fork.step);
    forkedAt = Math.min(forkedAt, child.startedAt);
    ancestors.unshift({ run: parent.id, attempt: fork.attempt, step, forkedAt });
    child = parent;
  }
  return withLineage(metricStore, ancestors);
}

import type { Backend } from '#libs/backend/backend.js';
import type { MetricStore } from '#libs/metrics/metric-store.js';
import { withLineage } from '#libs/metrics/reading/lineage.js';
import { ancestorsOf } from '#libs/runs/rules/ancestors.js';
import type { RunRow } from '#libs/runs/run-table.js';

/** The metric store as a run sees it: with what it inherited, if it is a fork. */
export async function metricsOf(
  run: RunRow,
  { runTable, metricStore }: Pick<Backend, 'runTable' | 'metricStore'>,
): Promise<MetricStore> {
  return withLineage(metricStore, await ancestorsOf(run, (id) => runTable.run(id)));
}

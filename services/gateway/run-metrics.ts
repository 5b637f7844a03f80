import type { MetricStore } from '#libs/metrics/metric-store.js';
import { withLineage } from '#libs/metrics/reading/lineage.js';
import { ancestorsOf } from '#libs/runs/rules/ancestors.js';
import type { RunRow } from '#libs/runs/run-table.js';
import type { GatewayContext } from './gateway-context.js';

/** The metric store as a run sees it: with what it inherited, if it is a fork. */
export async function metricsOf(
  run: RunRow,
  { backend, metrics }: Pick<GatewayContext, 'backend' | 'metrics'>,
): Promise<MetricStore> {
  return withLineage(metrics, await ancestorsOf(run, (id) => backend.runTable.run(id)));
}

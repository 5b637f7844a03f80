import type { JsonObject } from '#libs/domain/plain-json.js';
import type { LatestMetric } from '#libs/runs/tracking-tables.js';
import { clientSystemName, lineCountKeys, systemRuntimeKey } from './history-lines.js';
import { readRows } from './history-reads.js';
import { writeLooseJson } from './loose-json.js';
import type { KnownRun } from './known-run.js';

/** The last of each system metric, by the name that the client gave it. */
export const systemMetrics = (metrics: readonly LatestMetric[]): JsonObject =>
  Object.fromEntries(
    metrics.filter(({ key }) => key.startsWith('system/')).map(({ key, value }) => [clientSystemName(key), value]),
  );

/** Lines of system metrics, as many as asked for. */
export async function eventRows({ world, run }: KnownRun, samples: number): Promise<readonly string[]> {
  const store = world.backend.metricStore;
  const { id } = run.state;
  const keys = run.metrics.map(({ key }) => key).filter((key) => key.startsWith('system/'));
  const count = run.metrics.find(({ key }) => key === lineCountKeys.events)?.value ?? 0;
  if (keys.length === 0 || count === 0) return [];
  const rows = await readRows(store, {
    run: id,
    keys: [...keys, systemRuntimeKey],
    from: 0,
    to: count,
    samples,
    media: [],
  });
  return rows.map(({ _step: _, ...row }) =>
    writeLooseJson({
      _wandb: true,
      ...Object.fromEntries(Object.entries(row).map(([key, value]) => [clientSystemName(key), value])),
    }),
  );
}

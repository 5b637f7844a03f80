import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openClickHouseClient, type ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { openClickHouseEngine, type ClickHouseEngine } from '#libs/clickhouse/clickhouse-engine.js';
import { topicOf } from '#libs/domain/event-table.js';
import type { Projection, ProjectionFamily } from '#libs/projecting/projection.js';
import { createClickHouseMetricStore } from '../reading/clickhouse-metric-store.js';
import { viewNames } from '../tables/clickhouse-schema.js';
import type { MetricStore } from '../metric-store.js';
import { openPointsProjectionFamily } from '../writing/points-projection-family.js';
import { recordsOf, type SomeEvent } from './event-batches.js';
import { MemoryCheckpoints } from './memory-checkpoints.js';

export const randomHex = (): string => randomBytes(16).toString('hex');

export interface MetricsRig {
  readonly dir: string;
  readonly engine: ClickHouseEngine;
  readonly client: ClickHouseClient;
  readonly family: ProjectionFamily;
  readonly checkpoints: MemoryCheckpoints;
  readonly store: MetricStore;
  /** Appends to a log of one partition per topic and applies everything new to the live generation, all in one batch per topic. */
  write(events: readonly SomeEvent[]): Promise<void>;
  /** Everything written so far. */
  readonly log: SomeEvent[];
  close(): Promise<void>;
}

/** A real engine in a new folder with the live generation, driven as the projector drives it. */
export async function openMetricsRig(): Promise<MetricsRig> {
  const dir = await mkdtemp(join(tmpdir(), 'metrics-'));
  const engine = await openClickHouseEngine({ dir, randomHex, views: viewNames, backoffMsMax: 100 });
  const client = openClickHouseClient({ address: () => engine.address('app') });
  const checkpoints = new MemoryCheckpoints();
  const family = await openPointsProjectionFamily({ client, checkpoints, randomHex });
  const store = createClickHouseMetricStore({ client, now: () => performance.now() });
  const log: SomeEvent[] = [];
  return {
    dir,
    engine,
    client,
    family,
    checkpoints,
    store,
    log,
    write: async (events) => {
      log.push(...events);
      await replay(await family.live(), log);
    },
    close: async () => {
      await client.close();
      await engine.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Applies the log from the checkpoints on, in batches of the given size. */
export async function replay(projection: Projection, log: readonly SomeEvent[], batchEvents = Infinity): Promise<void> {
  for (const topic of ['runs', 'telemetry'] as const) {
    const records = recordsOf(log.filter((event) => topicOf(event.name) === topic));
    const partition = { topic, partition: 0 };
    const { epoch, position } = await projection.claim(partition);
    for (let from = position; from < records.length;) {
      const to = Math.min(records.length, from + batchEvents);
      const result = await projection.apply({ partition, epoch, from, to, records: records.slice(from, to) });
      if (result !== 'applied') throw new Error('fenced');
      from = to;
    }
  }
}

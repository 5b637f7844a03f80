import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClickHouseMetricStore } from './clickhouse-metric-store.js';
import { describeMetricStore } from '../metric-store.contract.js';
import type { MetricStore } from '../metric-store.js';
import { points } from '../test/event-batches.js';
import { openMetricsRig, type MetricsRig } from '../test/metrics-rig.js';

describeMetricStore('ClickHouseMetricStore', openMetricsRig);

describe('a window of a long series', () => {
  const steps = 400_000;
  const around = steps / 2 + 37;
  let rig: MetricsRig;
  let store: MetricStore;
  let asked: string[] = [];

  beforeAll(async () => {
    rig = await openMetricsRig();
    const part = (from: number): number[] => Array.from({ length: steps / 20 }, (_, index) => from + index);
    await rig.write(
      Array.from({ length: 20 }, (_, index) => {
        const some = part((index * steps) / 20);
        return points({ run: 'long', seq: index + 1, steps: some, values: { loss: some } });
      }),
    );
    const listening: MetricsRig['client'] = {
      ...rig.client,
      database: rig.client.database,
      placement: rig.client.placement,
      query: (sql, options) => {
        asked.push(sql);
        return rig.client.query(sql, options);
      },
    };
    store = createClickHouseMetricStore({ client: listening, now: () => performance.now() });
  });
  afterAll(() => rig.close());

  /** Rows of points that the engine means to read for what is asked. */
  async function rowsRead(ask: () => Promise<unknown>): Promise<number> {
    asked = [];
    await ask();
    let rows = 0;
    for (const sql of asked.filter((text) => text.includes('g1_points'))) {
      const plan = await rig.client.query(
        `SELECT toFloat64(sum(rows)) AS n FROM (EXPLAIN ESTIMATE ${sql}) WHERE table = 'g1_points'`,
      );
      rows += plan.f64('n')[0]!;
    }
    return rows;
  }

  it.each([
    [
      'chart',
      2_000,
      () => store.series({ run: 'long', keys: ['loss'], x: 'step', buckets: 500, from: around, to: around + 2_000 }),
    ],
    [
      'chart of rollups, but for its edges',
      100,
      () => store.series({ run: 'long', keys: ['loss'], x: 'step', buckets: 500, from: 1_037, to: steps - 1_037 }),
    ],
    ['band', 2_000, () => store.band({ run: 'long', key: 'loss', buckets: 500, from: around, to: around + 2_000 })],
    ['page of points', 1_000, () => store.points({ run: 'long', key: 'loss', first: 1_000, after: `${around}.0.1.0` })],
    ['newest points', 1_000, () => store.latestPoints({ run: 'long', keys: ['loss'], pointsMax: 1_000 })],
    ['pace of the ranks', 64, () => store.ranks('long')],
  ] as const)('is read without the rest of it: a %s', async (_, least, ask) => {
    const rows = await rowsRead(ask);
    expect(rows).toBeGreaterThanOrEqual(least);
    expect(rows).toBeLessThan(steps / 4);
  });

  it('is left alone by charts of other runs, which are two questions however many they are', async () => {
    const runs = Array.from({ length: 30 }, (_, index) => `other-${index}`);
    await rig.write(
      runs.map((run, index) => {
        const some = Array.from({ length: 100 + 10 * index }, (_, step) => step);
        return points({ run, seq: 1, steps: some, values: { loss: some } });
      }),
    );
    for (const [buckets, least] of [
      [1_000, 7_000],
      [50, 7_000],
    ] as const) {
      const ask = () => store.seriesOf(runs.map((run) => ({ run, keys: ['loss'], x: 'step', buckets })));
      const rows = await rowsRead(ask);
      expect(asked.filter((sql) => sql.includes('g1_'))).toHaveLength(2);
      expect(rows).toBeGreaterThanOrEqual(least);
      expect(rows).toBeLessThan(steps / 4);
    }
  });
});

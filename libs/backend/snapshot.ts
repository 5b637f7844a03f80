import type { Snapshot } from '#libs/live/metric-frames.js';
import { toJsonValue } from '#libs/live/metric-frame.js';
import type { MetricStore } from '#libs/metrics/metric-store.js';
import type { Progress } from '#libs/projecting/progress.js';

/** What one snapshot may hold per series, and of how many series when the viewer names none. */
const snapshotPointsMax = 2_000;
const snapshotKeysMax = 100;
const waitTimeoutMs = 10_000;

/** Snapshots for live viewers, from the metric store; the positions are those the store surely contained before it was asked. */
export function createSnapshot(metricStore: MetricStore, progress: Progress): Snapshot {
  return async ({ run, keys, ranks, pointsMax = snapshotPointsMax }, atLeast) => {
    if (atLeast) await progress.waitFor(['points'], atLeast, waitTimeoutMs);
    const contains = progress.token('points');
    const chosen = keys ?? (await metricStore.keys(run, undefined, snapshotKeysMax));
    const found = await metricStore.latestPoints({
      run,
      keys: chosen,
      ranks,
      pointsMax: Math.min(Math.max(1, pointsMax), snapshotPointsMax),
    });
    const series = found.map(({ key, rank, attempt, step, value, time }) => ({
      key,
      rank,
      attempt,
      step: [...step],
      value: Array.from(value, toJsonValue),
      time: [...time],
    }));
    return { contains, series };
  };
}

import { partitionName } from '#libs/domain/position-token.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { EventLog } from '#libs/log/event-log.js';
import { telemetryPartitions, telemetryShards } from '#libs/log/event-record.js';
import type { Progress } from '#libs/projecting/progress.js';
import type { RunTable } from '#libs/runs/run-table.js';

/** Longer than a projection is behind when all is well; a sender waits for it once, when a run is resumed. */
const waitMs = 5_000;

/** The step after the last one stored in attempts that began before this one, of all ranks; null: there is none. */
export type NextStep = (run: string, attempt: number) => Promise<number | null>;

/**
 * Where a resume that counts its steps by itself goes on. What has been acknowledged so far is waited for; what a dead process left
 * behind may still come later, and then stands beside what was counted here.
 */
export const createNextStep =
  (log: EventLog, runTable: RunTable, progress: Progress): NextStep =>
  async (run, attempt) => {
    const wanted = new Set(telemetryPartitions(run, telemetryShards, log.partitionCount('telemetry')));
    const ends = (await log.ranges('telemetry')).filter(({ partition }) => wanted.has(partition));
    const token = new Map(ends.map(({ partition, end }) => [partitionName('telemetry', partition), end]));
    // a projection that is far behind must not keep a training from being recorded
    await progress.waitFor(['runs'], token, waitMs).catch((error: unknown) => {
      if (!(error instanceof Rejection && error.code === 'STALE_POSITION')) throw error;
    });
    const attempts = (await runTable.run(run))?.attempts ?? [];
    const own = attempts.findIndex(({ number }) => number === attempt);
    const before = attempts.slice(0, Math.max(0, own));
    const last = Math.max(...before.map(({ toStep }) => toStep ?? -Infinity));
    return Number.isFinite(last) ? last + 1 : null;
  };

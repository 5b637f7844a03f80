import type { RunStatus } from '#libs/domain/event.js';
import type { AttemptRow, RunRow } from '../run-table.js';

/** Writers send a heartbeat every 5 s; those that have been silent for this long count as lost. */
export const lostAfterMs = 60_000;

export interface Standing {
  readonly status: RunStatus;
  /** "" while it is running. */
  readonly reason: string;
  readonly endedAt: number | null;
  /** Until when it has lasted: its end, now, or (lost) its last sign of life. */
  readonly until: number;
}

type Told = Pick<RunRow, 'status' | 'statusReason' | 'endedAt' | 'heartbeatAt' | 'worldSize' | 'attempts'>;

const lives = ({ beatAt }: AttemptRow, nowMs: number): boolean => beatAt !== null && beatAt >= nowMs - lostAfterMs;

/**
 * How a run stands now: what its writers told, and how long ago they were last heard. A run whose last attempt has ended still runs
 * while the writers of another one live: an evaluation that is done does not end the training beside it.
 */
export function standingAt(run: Told, nowMs: number): Standing {
  if (run.status === 'running') {
    // a client that says no world size sends no signs of life either
    const lost = run.worldSize > 0 && nowMs - run.heartbeatAt > lostAfterMs;
    return { status: lost ? 'lost' : 'running', reason: '', endedAt: null, until: lost ? run.heartbeatAt : nowMs };
  }
  if (run.attempts.some((attempt) => attempt.state === 'running' && lives(attempt, nowMs)))
    return { status: 'running', reason: '', endedAt: null, until: nowMs };
  return { status: run.status, reason: run.statusReason, endedAt: run.endedAt, until: run.endedAt ?? nowMs };
}

/** How an attempt stands now: one that never ended, although others began after it, is lost unless its writers live. */
export function attemptStandingAt(run: Told, attempt: AttemptRow, nowMs: number): RunStatus {
  if (attempt.state !== 'running') return attempt.state;
  return attempt === run.attempts.at(-1) || lives(attempt, nowMs) ? 'running' : 'lost';
}

import type { RunStateFragment } from '../generated/questions.js';

/** Ticks only while the run is heard of; a lost run lasted until its last sign of life, which the server knows. */
export function durationOf(run: RunStateFragment, now: number): number | null {
  return run.status === 'RUNNING' ? Math.max(0, now - run.startedAt) : run.durationMs;
}

/** One attempt as the fold keeps it: counts of distinct writers, so that ten thousand ranks cost nothing here. */
export interface AttemptState {
  readonly number: number;
  /** null: known only from events that came before its RunStarted. */
  readonly launch: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly fromStep: number | null;
  readonly worldSize: number;
  readonly writers: number;
  readonly finished: number;
  readonly failed: number;
  readonly killed: number;
  /** The state a RunFinished with `wholeRun` gave it. */
  readonly whole: 'finished' | 'failed' | 'killed' | null;
  readonly reason: string;
}

/**
 * The number of the attempt that a launch belongs to: the number it asks for, else the one that knows this launch, else one that
 * still waits for its launch, else a new one.
 */
export function attemptFor(attempts: readonly AttemptState[], asked: number, launch: string): number {
  if (asked > 0) return asked;
  const known =
    attempts.find((attempt) => attempt.launch === launch) ?? attempts.find((attempt) => attempt.launch === null);
  return known?.number ?? (attempts.at(-1)?.number ?? 0) + 1;
}

/** One failed or killed writer decides at once: the others usually hang and never report. */
export function attemptStatus(attempt: AttemptState): 'running' | 'finished' | 'failed' | 'killed' {
  if (attempt.whole) return attempt.whole;
  if (attempt.failed > 0) return 'failed';
  if (attempt.killed > 0) return 'killed';
  const expected = Math.max(attempt.writers, attempt.worldSize);
  return expected > 0 && attempt.finished >= expected ? 'finished' : 'running';
}

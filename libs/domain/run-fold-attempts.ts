/** One attempt as the fold keeps it: counts of distinct writers, so that ten thousand ranks cost nothing here. */
export interface AttemptState {
  readonly number: number;
  /** null: known only from events that came before its RunStarted. */
  readonly launch: string | null;
  readonly startedAt: number | null;
  /** `startedAt` as its launch first told it: never changes, the same for all its writers, and orders attempts. */
  readonly orderAt: number | null;
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

/** Attempts in the order of the training: by when they began, whenever they became known; then by number. */
export const inTrainingOrder = <A extends Pick<AttemptState, 'number' | 'orderAt'>>(attempts: readonly A[]): A[] =>
  [...attempts].sort((a, b) => (a.orderAt ?? 0) - (b.orderAt ?? 0) || a.number - b.number);

/** How a run stands, from its attempts alone. */
export interface RunStanding {
  readonly status: 'running' | 'finished' | 'failed' | 'killed';
  readonly reason: string;
  readonly endedAt: number | null;
  /** Attempts that never ended although a later one did. While the writers of one live, the run is running; else they died unheard. */
  readonly openAttempts: readonly number[];
}

/**
 * A run is running when its last attempt is. When that has ended, it ended as the attempt that ended last; earlier ones may still be
 * at work beside it, which only their heartbeats can tell. Attempts that become known late change nothing of what came after them.
 */
export function standingOf(attempts: readonly AttemptState[]): RunStanding | null {
  const last = inTrainingOrder(attempts).at(-1);
  if (!last) return null;
  const running: RunStanding = { status: 'running', reason: '', endedAt: null, openAttempts: [] };
  if (attemptStatus(last) === 'running') return running;
  const ended = attempts.filter((attempt) => attemptStatus(attempt) !== 'running');
  const decisive = inTrainingOrder(ended).reduce((a, b) => ((b.endedAt ?? 0) >= (a.endedAt ?? 0) ? b : a));
  return {
    status: attemptStatus(decisive),
    reason: decisive.reason,
    endedAt: decisive.endedAt,
    openAttempts: attempts.filter((attempt) => attemptStatus(attempt) === 'running').map(({ number }) => number),
  };
}

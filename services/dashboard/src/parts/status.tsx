import type { ReactElement } from 'react';
import type { RankHealth, RunStatus } from '../generated/questions.js';

const runTone: Record<RunStatus, string> = {
  RUNNING: 'live',
  FINISHED: 'ok',
  FAILED: 'bad',
  KILLED: 'idle',
  LOST: 'warn',
};
const runWord: Record<RunStatus, string> = {
  RUNNING: 'Running',
  FINISHED: 'Finished',
  FAILED: 'Failed',
  KILLED: 'Killed',
  LOST: 'Lost',
};
const rankWord: Record<RankHealth, string> = {
  OK: 'OK',
  SLOW: 'Slow',
  SILENT: 'Silent',
  FINISHED: 'Finished',
  FAILED: 'Failed',
};
const rankTone: Record<RankHealth, string> = { OK: 'ok', SLOW: 'warn', SILENT: 'bad', FINISHED: 'idle', FAILED: 'bad' };

/** The word stands beside the colour: status is never told by colour alone. */
export function RunStatusBadge(props: { status: RunStatus; reason?: string | null; testId?: string }): ReactElement {
  return (
    <span
      className={`badge ${runTone[props.status]}`}
      title={props.reason ?? undefined}
      data-testid={props.testId}
      data-status={props.status}
    >
      <i aria-hidden="true" />
      {runWord[props.status]}
    </span>
  );
}

export function RankBadge(props: { state: RankHealth; rank: number }): ReactElement {
  return (
    <span className={`badge ${rankTone[props.state]}`} data-testid={`rank-state-${props.rank}`}>
      <i aria-hidden="true" />
      {rankWord[props.state]}
    </span>
  );
}

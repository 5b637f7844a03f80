import type { ReactElement, ReactNode } from 'react';
import { Link } from 'react-router';
import { useNow } from '../data/clock.js';
import { noteRun, renameRun } from '../data/commands.js';
import type { RunHeadFragment } from '../generated/questions.js';
import { formatAgo, formatCount, formatDateTime, formatDuration } from '../format/format.js';
import { EditableText } from '../parts/editable-text.js';
import { durationOf } from '../parts/run-duration.js';
import { RunStatusBadge } from '../parts/status.js';
import { Notes } from './notes.js';
import { RunActions } from './run-actions.js';
import { Tags } from './tags.js';

function Fact(props: { name: string; children: ReactNode; title?: string }): ReactElement {
  return (
    <div className="fact" title={props.title}>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

export function RunHeader(props: { run: RunHeadFragment; changed: () => void; deleted: () => void }): ReactElement {
  const { run, changed } = props;
  const now = useNow();
  const running = run.status === 'RUNNING';
  const durationMs = durationOf(run, now);
  const saved = async (saving: Promise<string | null>): Promise<string | null> => {
    const refusal = await saving;
    if (refusal === null) changed();
    return refusal;
  };
  const attempt = run.attempts.at(-1);
  return (
    <header className="run-header">
      <div className="run-title">
        <Link to={`/projects/${encodeURIComponent(run.project)}`} className="crumb">
          {run.project}
        </Link>
        <span className="faint" aria-hidden="true">
          /
        </span>
        <h1>
          <EditableText
            value={run.name}
            label="Name"
            placeholder="Unnamed"
            testId="run-name"
            save={(name) => saved(renameRun(run.id, name))}
          />
        </h1>
        <RunStatusBadge status={run.status} reason={run.statusReason} testId="run-status" />
        {run.archived && (
          <span className="badge" data-testid="archived">
            Archived
          </span>
        )}
        {run.statusReason !== null && run.statusReason !== '' && <span className="dim small">{run.statusReason}</span>}
        <RunActions run={run} changed={changed} deleted={props.deleted} />
      </div>
      <dl className="facts">
        <Fact name="Duration">{formatDuration(durationMs)}</Fact>
        <Fact name="Started" title={formatAgo(run.startedAt, now)}>
          {formatDateTime(run.startedAt)}
        </Fact>
        <Fact name="Ranks">{run.worldSize === 0 ? '–' : formatCount(run.worldSize)}</Fact>
        <Fact
          name="Attempts"
          title={run.attempts.map((a) => `#${a.number} ${a.state} ${formatDateTime(a.startedAt)}`).join('\n')}
        >
          {run.attempts.length}
          {run.attempts.length > 1 && typeof attempt?.fromStep === 'number' && (
            <span className="faint"> · from step {formatCount(attempt.fromStep)}</span>
          )}
        </Fact>
        {running && <Fact name="Last heard">{formatAgo(run.heartbeatAt, now)}</Fact>}
        <Fact name="User">{run.user ?? '–'}</Fact>
        {run.group !== null && run.group !== '' && <Fact name="Group">{run.group}</Fact>}
        {run.forkOf !== null && (
          <Fact name="Fork of">
            <Link to={`/runs/${encodeURIComponent(run.forkOf.run)}`}>{run.forkOf.run}</Link>
            {run.forkOf.step !== null && <span className="faint"> at step {formatCount(run.forkOf.step)}</span>}
          </Fact>
        )}
        <Fact name="Id">
          <code>{run.id}</code>
        </Fact>
      </dl>
      <div className="run-words">
        <Tags run={run} changed={changed} />
        <Notes text={run.notes} save={(text) => saved(noteRun(run.id, text))} />
      </div>
    </header>
  );
}

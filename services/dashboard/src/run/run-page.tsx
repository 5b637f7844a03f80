import { useEffect, useState, type ReactElement } from 'react';
import { restoreRun } from '../data/commands.js';
import { Link, NavLink, useParams } from 'react-router';
import type { RunHeadFragment } from '../generated/questions.js';
import { Answered } from '../parts/answered.js';
import { ArtifactsTab } from './artifacts-tab.js';
import { ChartsTab } from './charts-tab.js';
import { CompletenessTab } from './completeness-tab.js';
import { ConsoleTab } from './console-tab.js';
import { EnvironmentTab } from './environment-tab.js';
import { InputsTab } from './inputs-tab.js';
import { MediaTab } from '../media/media-tab.js';
import { RanksTab } from './ranks-tab.js';
import { RunHeader } from './run-header.js';
import { SettingsTab } from './settings-tab.js';
import { TracesTab } from './traces-tab.js';
import { useRun } from './use-run.js';
import { nameOf } from '../format/format.js';

const tabs = [
  ['charts', 'Charts'],
  ['media', 'Media'],
  ['ranks', 'Ranks'],
  ['params', 'Params & summary'],
  ['environment', 'Environment'],
  ['console', 'Console'],
  ['artifacts', 'Artifacts'],
  ['inputs', 'Inputs & outputs'],
  ['traces', 'Traces'],
  ['completeness', 'Completeness'],
] as const;
type Tab = (typeof tabs)[number][0];

/** One rank has nobody to be compared to. A fork that no process has joined yet may have inherited many. */
const hasRanks = (run: RunHeadFragment): boolean =>
  [run.worldSize, ...run.attempts.map(({ worldSize }) => worldSize)].some((size) => size > 1) ||
  (run.worldSize === 0 && run.forkOf !== null);

function Body(props: { tab: Tab; run: RunHeadFragment }): ReactElement {
  switch (props.tab) {
    case 'charts':
      return <ChartsTab key={props.run.id} run={props.run} />;
    case 'media':
      return <MediaTab key={props.run.id} run={props.run} />;
    case 'ranks':
      return <RanksTab key={props.run.id} run={props.run} />;
    case 'params':
      return <SettingsTab run={props.run} />;
    case 'environment':
      return <EnvironmentTab run={props.run} />;
    case 'console':
      return <ConsoleTab key={props.run.id} run={props.run} />;
    case 'artifacts':
      return <ArtifactsTab run={props.run} />;
    case 'inputs':
      return <InputsTab run={props.run} />;
    case 'traces':
      return <TracesTab key={props.run.id} run={props.run} />;
    case 'completeness':
      return <CompletenessTab run={props.run} />;
  }
}

/** What stands where a run was that has just been deleted here. */
function Deleted(props: { run: RunHeadFragment; restored: () => void }): ReactElement {
  const { run } = props;
  const [problem, setProblem] = useState<string | null>(null);
  const undo = async (): Promise<void> => {
    const refusal = await restoreRun(run.id);
    setProblem(refusal);
    if (refusal === null) props.restored();
  };
  return (
    <main className="page">
      <div className="notice" role="status" data-testid="deleted">
        <span>
          <strong>{nameOf(run)}</strong> was deleted.
        </span>
        <button type="button" className="button" data-testid="undo-delete" onClick={() => void undo()}>
          Undo
        </button>
        <Link to={`/projects/${encodeURIComponent(run.project)}`}>Runs of {run.project}</Link>
        {problem !== null && (
          <span className="problem" role="alert">
            {problem}
          </span>
        )}
      </div>
    </main>
  );
}

export function RunPage(): ReactElement {
  const params = useParams();
  const id = params['id'] ?? '';
  const tab = tabs.find(([name]) => name === (params['tab'] ?? 'charts'))?.[0] ?? 'charts';
  const { data, trouble, refresh } = useRun(id);
  const run = data?.run ?? null;
  const [deleted, setDeleted] = useState<RunHeadFragment | null>(null);
  const title = run === null ? id : `${run.status === 'RUNNING' ? '● ' : ''}${nameOf(run)}`;
  useEffect(() => {
    document.title = `${title} · Runstream`;
  }, [title]);
  if (deleted?.id === id) {
    return <Deleted run={deleted} restored={() => (setDeleted(null), refresh())} />;
  }
  if (run === null) {
    return (
      <main className="page">
        <Answered
          answer={trouble === null ? data?.run : undefined}
          trouble={trouble}
          what="the run"
          none={
            <>
              There is no run <code>{id}</code>. <Link to="/">All runs</Link>
            </>
          }
        >
          {() => null}
        </Answered>
      </main>
    );
  }
  const base = `/runs/${encodeURIComponent(id)}`;
  return (
    <main className="page run">
      <RunHeader key={run.id} run={run} changed={refresh} deleted={() => setDeleted(run)} />
      <nav className="tabs" aria-label="Parts of the run">
        {tabs
          .filter(([name]) => name !== 'ranks' || name === tab || hasRanks(run))
          .map(([name, word]) => (
            <NavLink
              key={name}
              to={name === 'charts' ? base : `${base}/${name}`}
              className={name === tab ? 'tab on' : 'tab'}
              aria-current={name === tab ? 'page' : undefined}
              data-testid={`tab-${name}`}
              end
            >
              {word}
            </NavLink>
          ))}
      </nav>
      <Body tab={tab} run={run} />
    </main>
  );
}

import { useCallback, useDeferredValue, useEffect, useMemo, useState, type ReactElement } from 'react';
import { Link, useSearchParams } from 'react-router';
import type { ChartView } from '../charts/chart-view.js';
import { groupKeys } from '../charts/key-groups.js';
import { useNow } from '../data/clock.js';
import { useGraph } from '../data/use-graph.js';
import { nameOf, plural } from '../format/format.js';
import { ComparedRunsDocument, type ComparedRunFragment } from '../generated/questions.js';
import { Answered } from '../parts/answered.js';
import { Empty } from '../parts/notice.js';
import { ChartsToolbar } from '../run/charts-toolbar.js';
import { useTheme } from '../theme/theme.js';
import { comparedMax, readChosen } from './chosen-runs.js';
import { ComparedTable } from './compared-table.js';
import { useMachineView } from '../charts/use-machine-view.js';
import { OverlayChart } from './overlay-chart.js';
import { runLook } from './run-look.js';

const goesOn = ({ status }: ComparedRunFragment): boolean => status === 'RUNNING' || status === 'LOST';

/** Runs of whatever projects side by side: their curves in one chart for each metric, and what they differ in. */
export function ComparePage(): ReactElement {
  const [search, setSearch] = useSearchParams();
  const { ids, passedOver } = readChosen(search);
  const now = useNow();
  const asked = useGraph(ComparedRunsDocument, { ids }, { everyMs: 3_000, paused: ids.length === 0 });
  const found = asked.data?.runsById;
  const runs = useMemo(() => found?.filter((run) => run !== null), [found]);
  const missing = ids.filter((_, index) => found?.[index] === null);
  useEffect(() => {
    document.title = `${plural(ids.length, 'run')} compared · Runstream`;
  }, [ids.length]);
  const leaveOut = (id: string): void =>
    setSearch((before) => {
      before.set(
        'runs',
        readChosen(before)
          .ids.filter((each) => each !== id)
          .join(','),
      );
      return before;
    });
  const project = runs?.every((run) => run.project === runs[0]?.project) === true ? runs[0]?.project : undefined;
  return (
    <main className="page">
      <div className="head">
        <h1>
          {project === undefined ? (
            <Link to="/" className="crumb">
              Projects
            </Link>
          ) : (
            <Link to={`/projects/${encodeURIComponent(project)}`} className="crumb">
              {project}
            </Link>
          )}
          <span className="faint"> / </span>
          Compare
        </h1>
        <span className="faint">{plural(ids.length, 'run')}</span>
      </div>
      {passedOver > 0 && (
        <p className="faint small" role="status" data-testid="passed-over">
          The first {comparedMax} runs of the address are compared; {plural(passedOver, 'more run')} can’t be told apart
          in one chart.
        </p>
      )}
      {missing.length > 0 && (
        <p className="faint small" role="status">
          Not here, or deleted: <span className="mono">{missing.join(', ')}</span>
        </p>
      )}
      {ids.length === 0 ? (
        <Empty>Choose runs in the table of a project to compare them.</Empty>
      ) : (
        <Answered answer={runs} trouble={asked.trouble} what="runs" none={<>None of these runs is here.</>}>
          {(compared) => (
            <>
              <ComparedTable runs={compared} now={now} leaveOut={leaveOut} />
              <Overlays runs={compared} />
            </>
          )}
        </Answered>
      )}
    </main>
  );
}

function Overlays(props: { runs: readonly ComparedRunFragment[] }): ReactElement {
  const { runs } = props;
  const theme = useTheme();
  const [view, setView] = useState<ChartView>({
    kind: 'lines',
    x: 'STEP',
    log: false,
    smoothing: 0,
    height: 240,
    zoom: null,
  });
  const [search, setSearch] = useState('');
  const sought = useDeferredValue(search);
  const keys = useMemo(() => [...new Set(runs.flatMap((run) => run.summary.map(({ key }) => key)))], [runs]);
  const groups = useMemo(() => groupKeys(keys, sought), [keys, sought]);
  const shown = groups.reduce((sum, group) => sum + group.keys.length, 0);
  const zoom = useCallback((from: number, to: number) => setView((v) => ({ ...v, zoom: { from, to } })), []);
  const reset = useCallback(() => setView((v) => ({ ...v, zoom: null })), []);
  const { lookAt, forget } = useMachineView({ view, zoom, reset });
  return (
    <section aria-label="Charts">
      <ChartsToolbar
        view={view}
        change={(change) => {
          setView((v) => ({ ...v, ...change }));
          if ('zoom' in change) forget();
        }}
        search={search}
        setSearch={setSearch}
        rankText=""
        setRankText={() => undefined}
        ranksWrong={false}
        worldSize={1}
        shown={plural(shown, 'chart')}
      />
      <ul className="legend" aria-label="Colours of runs">
        {runs.map((run, index) => (
          <li key={run.id}>
            <i aria-hidden="true" style={{ background: runLook(theme, index).color }} />
            {nameOf(run)}
          </li>
        ))}
      </ul>
      {runs.some((run) => run.worldSize > 1) && <p className="faint small">Lines are of rank 0.</p>}
      {keys.length === 0 && <Empty>None of these runs has logged a metric yet.</Empty>}
      {keys.length > 0 && shown === 0 && <Empty>No metric is called like “{search}”.</Empty>}
      {groups.map((group) => (
        <details key={group.title} open className="chart-group">
          <summary>
            <h2>{group.title === '' ? 'Metrics' : group.title}</h2>
            <span className="faint small">{group.keys.length}</span>
          </summary>
          <div className="chart-grid">
            {group.keys.map((key) => (
              <OverlayChart key={key} runs={runs} metric={key} live={runs.some(goesOn)} {...lookAt(key)} />
            ))}
          </div>
        </details>
      ))}
    </section>
  );
}

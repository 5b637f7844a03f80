import { useCallback, useDeferredValue, useMemo, useState, type ReactElement } from 'react';
import type { ChartView } from '../charts/chart-view.js';
import { groupKeys } from '../charts/key-groups.js';
import { MetricChart } from '../charts/metric-chart.js';
import { useMachineView } from '../charts/use-machine-view.js';
import { RunHeadDocument, type RunHeadFragment } from '../generated/questions.js';
import { useGraph } from '../data/use-graph.js';
import { readRanks } from '../format/ranks.js';
import { formatCount, plural } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { Empty, Waiting } from '../parts/notice.js';
import { ChartsToolbar } from './charts-toolbar.js';
import { RankLegend } from './rank-legend.js';
import { useMetricKeys } from './use-metric-keys.js';

const linesMax = 16;

export function ChartsTab(props: { run: RunHeadFragment }): ReactElement {
  const { run } = props;
  const live = run.status === 'RUNNING' || run.status === 'LOST';
  // a fork that no process has joined yet has the ranks of what it inherited
  const unjoined = run.worldSize === 0 && run.forkOf !== null;
  const parent = useGraph(RunHeadDocument, { id: run.forkOf?.run ?? '' }, { paused: !unjoined }).data?.run;
  const worldSize = Math.max(1, run.worldSize, parent?.worldSize ?? 0);
  const [view, setView] = useState<ChartView>({
    kind: run.worldSize > linesMax ? 'band' : 'lines',
    x: 'STEP',
    log: false,
    smoothing: 0,
    height: 200,
    zoom: null,
  });
  const [search, setSearch] = useState('');
  const [rankText, setRankText] = useState('');
  const sought = useDeferredValue(search);
  const { keys, more, settled, trouble, showMore } = useMetricKeys(run.id, search.trim(), live ? 3000 : null);
  const groups = useMemo(() => groupKeys(keys ?? [], sought), [keys, sought]);
  const rankList = readRanks(rankText, linesMax);
  const firstRanks = Array.from({ length: Math.min(worldSize, linesMax) }, (_, rank) => rank);
  const ranks = rankList ?? (worldSize > linesMax ? firstRanks.slice(0, 1) : firstRanks);
  const zoom = useCallback((from: number, to: number) => setView((v) => ({ ...v, zoom: { from, to } })), []);
  const reset = useCallback(() => setView((v) => ({ ...v, zoom: null })), []);
  const { lookAt, forget } = useMachineView({ view, zoom, reset });
  const shown = groups.reduce((sum, group) => sum + group.keys.length, 0);
  return (
    <section aria-label="Charts">
      <ChartsToolbar
        view={view}
        change={(change) => {
          setView((v) => ({ ...v, ...change }));
          // other units, or the whole again
          if ('zoom' in change || 'kind' in change) forget();
        }}
        search={search}
        setSearch={setSearch}
        rankText={rankText}
        setRankText={setRankText}
        ranksWrong={rankList === null}
        worldSize={worldSize}
        shown={settled ? `${plural(shown, 'chart')}${more === null ? '' : ' of more'}` : ''}
      />
      <Answered
        answer={keys}
        trouble={trouble}
        what="metrics"
        none={
          search.trim() === '' ? (
            <>
              No metric logged yet. Charts appear with the first <code>run.log({'{…}'})</code>.
            </>
          ) : (
            <>No metric is called like “{search}”.</>
          )
        }
      >
        {() =>
          shown === 0 ? (
            settled ? (
              <Empty>No metric is called like “{search}”.</Empty>
            ) : (
              <Waiting what="metrics" />
            )
          ) : null
        }
      </Answered>
      {view.kind === 'lines' && ranks.length > 1 && <RankLegend ranks={ranks} />}
      {groups.map((group) => (
        <details key={group.title} open className="chart-group">
          <summary>
            <h2>{group.title === '' ? 'Metrics' : group.title}</h2>
            <span className="faint small">
              {formatCount(group.keys.length)}
              {more !== null && group.keys.includes(more) && '+'}
            </span>
          </summary>
          <div className="chart-grid">
            {group.keys.map((key) => (
              <MetricChart
                key={key}
                run={run.id}
                startedAt={run.startedAt}
                metric={key}
                live={live}
                ranks={ranks}
                {...lookAt(key)}
              />
            ))}
          </div>
        </details>
      ))}
      {settled && more !== null && (
        <p className="centered" role="status" data-testid="more-charts">
          <span className="faint small">The first {formatCount(shown)} are shown; the search finds every one.</span>{' '}
          <button type="button" className="button" onClick={showMore}>
            Show more
          </button>
        </p>
      )}
    </section>
  );
}

import { useMemo, useRef, useState, type ReactElement } from 'react';
import type { ChartView } from '../charts/chart-view.js';
import { MetricChart } from '../charts/metric-chart.js';
import { useNow } from '../data/clock.js';
import { RanksDocument, type RankStateFragment, type RunHeadFragment } from '../generated/questions.js';
import { useMetricKeys } from './use-metric-keys.js';
import { useGraph } from '../data/use-graph.js';
import { formatSilence, formatCount, formatNumber } from '../format/format.js';
import { Answered } from '../parts/answered.js';
import { RankBadge } from '../parts/status.js';
import { VirtualRows } from '../parts/virtual-rows.js';
import { StragglerCard } from './straggler-card.js';
import { countStates, nameRanks, sortRanks, type RankColumn, type RankOrder } from './rank-order.js';

const columns: readonly [RankColumn, string, number, boolean][] = [
  ['rank', 'Rank', 70, true],
  ['state', 'State', 110, false],
  ['host', 'Host', 170, false],
  ['lastStep', 'Last step', 100, true],
  ['lag', 'Lag', 90, true],
  ['stepMs', 'Step time', 100, true],
  ['lastSeenAt', 'Last seen', 110, true],
];

function Row(props: { rank: RankStateFragment; now: number }): ReactElement {
  const { rank, now } = props;
  return (
    <tr data-testid={`rank-row-${rank.rank}`}>
      <td className="num strong">{rank.rank}</td>
      <td>
        <RankBadge state={rank.state} rank={rank.rank} />
      </td>
      <td className="clip mono">{rank.host ?? '–'}</td>
      <td className="num">{rank.lastStep === null ? '–' : formatCount(rank.lastStep)}</td>
      <td className="num">
        {rank.lag === null ? '–' : rank.lag === 0 ? <span className="faint">0</span> : formatCount(rank.lag)}
      </td>
      <td className="num">{rank.stepMs === null ? '–' : `${formatNumber(Number(rank.stepMs.toPrecision(4)))} ms`}</td>
      <td className="num dim nowrap">{formatSilence(rank.lastSeenAt, now)}</td>
    </tr>
  );
}

function RankTable(props: { ranks: readonly RankStateFragment[] }): ReactElement {
  const now = useNow();
  const scroller = useRef<HTMLDivElement>(null);
  const [order, setOrder] = useState<RankOrder>({ by: 'rank', descending: false });
  const rows = useMemo(() => sortRanks(props.ranks, order), [props.ranks, order]);
  return (
    <div
      className="card table-card scroller ranks-scroller"
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label="Ranks"
    >
      <table className="fixed" style={{ minWidth: 750 }} data-testid="ranks">
        <colgroup>
          {columns.map(([by, , width]) => (
            <col key={by} style={by === 'host' ? { width: 'auto' } : { width }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map(([by, word, , numeric]) => (
              <th
                key={by}
                className={numeric ? 'num' : ''}
                aria-sort={order.by === by ? (order.descending ? 'descending' : 'ascending') : undefined}
              >
                <button
                  type="button"
                  className="sort"
                  onClick={() => setOrder({ by, descending: order.by === by && !order.descending })}
                >
                  {word}
                  <span aria-hidden="true">{order.by === by ? (order.descending ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <VirtualRows
          rows={rows}
          rowHeight={33}
          columns={columns.length}
          scroller={scroller}
          row={(rank) => <Row key={rank.rank} rank={rank} now={now} />}
        />
      </table>
    </div>
  );
}

function Summary(props: { ranks: readonly RankStateFragment[] }): ReactElement {
  const { ranks } = props;
  return (
    <p className="rank-summary" role="status" data-testid="rank-summary">
      {countStates(ranks).map(([state, count]) => (
        <span key={state} className={`rank-count ${state.toLowerCase()}`}>
          <b>{formatCount(count)}</b> {state.toLowerCase()}
          {(state === 'SLOW' || state === 'SILENT' || state === 'FAILED') && (
            <span className="dim">: {nameRanks(ranks.filter((r) => r.state === state).map((r) => r.rank))}</span>
          )}
        </span>
      ))}
    </p>
  );
}

export function RanksTab(props: { run: RunHeadFragment }): ReactElement {
  const { run } = props;
  const live = run.status === 'RUNNING' || run.status === 'LOST';
  const ranks = useGraph(RanksDocument, { id: run.id }, { everyMs: live ? 1500 : null });
  const [wanted, setWanted] = useState('');
  const { keys, more } = useMetricKeys(run.id, wanted.trim(), live ? 5000 : null);
  const [chosen, setChosen] = useState<string | null>(null);
  const [zoom, setZoom] = useState<ChartView['zoom']>(null);
  const metric =
    chosen ??
    keys?.find((key) => /(^|\/)loss$/i.test(key) && !/^(eval|val|test)/i.test(key)) ??
    keys?.find((key) => /loss/i.test(key)) ??
    keys?.find((key) => !/^(_|sys)/.test(key)) ??
    keys?.[0];
  const view = useMemo<ChartView>(
    () => ({ kind: 'band', x: 'STEP', log: false, smoothing: 0, height: 270, zoom }),
    [zoom],
  );
  const rows = ranks.data?.run?.ranks;
  return (
    <section aria-label="Ranks" className="ranks">
      <div className="toolbar">
        {rows !== undefined && <Summary ranks={rows} />}
        <span className="grow" />
        {keys !== undefined && metric !== undefined && (
          <label className="row small">
            <span className="dim">Band of</span>
            {(more !== null || wanted !== '') && (
              <input
                className="field search"
                type="search"
                aria-label="Search metrics"
                placeholder="Search metrics"
                value={wanted}
                onChange={(event) => setWanted(event.target.value)}
              />
            )}
            <select className="field mono" value={metric} onChange={(event) => setChosen(event.target.value)}>
              {[...new Set([metric, ...keys])].map((key) => (
                <option key={key}>{key}</option>
              ))}
            </select>
          </label>
        )}
        {zoom !== null && (
          <button type="button" className="button primary" onClick={() => setZoom(null)}>
            Reset zoom
          </button>
        )}
      </div>
      {rows !== undefined && rows.length > 1 && (
        <StragglerCard run={run.id} ranks={rows} keys={keys ?? []} live={live} />
      )}
      {metric !== undefined && (
        <MetricChart
          key={metric}
          run={run.id}
          startedAt={run.startedAt}
          metric={metric}
          live={live}
          view={view}
          ranks={null}
          zoom={(from, to) => setZoom({ from, to })}
          reset={() => setZoom(null)}
        />
      )}
      <Answered answer={rows} trouble={ranks.trouble} what="ranks" none="No rank has reported yet.">
        {(all) => <RankTable ranks={all} />}
      </Answered>
    </section>
  );
}

import type { ReactElement } from 'react';
import type { ChartView } from '../charts/chart-view.js';
import type { XAxis } from '../generated/questions.js';

interface Props {
  view: ChartView;
  change: (change: Partial<ChartView>) => void;
  search: string;
  setSearch: (text: string) => void;
  rankText: string;
  setRankText: (text: string) => void;
  ranksWrong: boolean;
  worldSize: number;
  shown: string;
}

const axes: readonly [XAxis, string][] = [
  ['STEP', 'Step'],
  ['RELATIVE', 'Relative'],
  ['TIME', 'Time'],
];

export function ChartsToolbar(props: Props): ReactElement {
  const { view, change } = props;
  return (
    <div className="toolbar sticky-tools">
      <input
        className="field search"
        type="search"
        aria-label="Search metrics"
        placeholder="Search metrics"
        data-testid="chart-search"
        value={props.search}
        onChange={(event) => props.setSearch(event.target.value)}
      />
      {props.worldSize > 1 && (
        <div className="segments" role="group" aria-label="What to draw">
          <button
            type="button"
            className="button"
            aria-pressed={view.kind === 'lines'}
            onClick={() => change({ kind: 'lines' })}
          >
            Ranks
          </button>
          <button
            type="button"
            className="button"
            aria-pressed={view.kind === 'band'}
            data-testid="view-band"
            onClick={() => change({ kind: 'band', x: 'STEP', zoom: view.x === 'STEP' ? view.zoom : null })}
          >
            Band
          </button>
        </div>
      )}
      {props.worldSize > 1 && view.kind === 'lines' && (
        <input
          className="field ranks-field"
          aria-label="Ranks to draw, such as 0, 3, 5-8"
          aria-invalid={props.ranksWrong}
          placeholder={props.worldSize > 16 ? 'rank 0' : 'all ranks'}
          title="Ranks to draw, such as 0, 3, 5-8 (at most 16)"
          value={props.rankText}
          onChange={(event) => props.setRankText(event.target.value)}
        />
      )}
      {view.kind === 'lines' && (
        <div className="segments" role="group" aria-label="Horizontal axis">
          {axes.map(([x, word]) => (
            <button
              key={x}
              type="button"
              className="button"
              aria-pressed={view.x === x}
              onClick={() => change({ x, zoom: null })}
            >
              {word}
            </button>
          ))}
        </div>
      )}
      <button type="button" className="button" aria-pressed={view.log} onClick={() => change({ log: !view.log })}>
        Log scale
      </button>
      <label className="slider">
        <span>Smoothing</span>
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={view.smoothing}
          onChange={(event) => change({ smoothing: Number(event.target.value) })}
        />
        <output>{view.smoothing.toFixed(2)}</output>
      </label>
      {view.zoom !== null && (
        <button
          type="button"
          className="button primary"
          data-testid="zoom-reset"
          onClick={() => change({ zoom: null })}
        >
          Reset zoom
        </button>
      )}
      <span className="grow" />
      <span className="faint small shown">{props.shown}</span>
    </div>
  );
}

import type { ReactElement } from 'react';
import { formatCount, formatNumber } from '../format/format.js';
import type { MediaFragment } from '../generated/questions.js';
import { readHistogram, type HistogramData } from './parsed.js';

const width = 420;
const height = 130;
const bandHeight = 130;

/** One histogram as bars over its own edges. */
function Bars(props: { found: HistogramData }): ReactElement {
  const { edges, counts } = props.found;
  const [low, high] = [edges[0]!, edges.at(-1)!];
  const most = Math.max(...counts, Number.MIN_VALUE);
  const x = (edge: number): number => ((edge - low) / (high - low || 1)) * width;
  return (
    <svg
      viewBox={`0 0 ${width} ${height}`}
      className="bars"
      role="img"
      aria-label="Histogram"
      preserveAspectRatio="none"
    >
      {counts.map((count, at) => {
        const tall = (count / most) * (height - 2);
        const left = x(edges[at]!);
        return (
          <rect key={at} x={left} y={height - tall} width={Math.max(0.5, x(edges[at + 1]!) - left - 0.5)} height={tall}>
            <title>{`${formatNumber(edges[at]!)} to ${formatNumber(edges[at + 1]!)}: ${formatCount(count)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** How the histogram moved: a column for each step, darker where more values lie, over what all of them span. */
function Over(props: { values: readonly MediaFragment[]; step: number; choose: (step: number) => void }): ReactElement {
  const rows = 64;
  const all = props.values.flatMap((value) => {
    const found = readHistogram(value.text ?? '');
    return found ? [{ step: value.step, found }] : [];
  });
  const low = Math.min(...all.map(({ found }) => found.edges[0]!));
  const high = Math.max(...all.map(({ found }) => found.edges.at(-1)!));
  const column = width / all.length;
  return (
    <svg
      viewBox={`0 0 ${width} ${bandHeight}`}
      className="heat"
      role="img"
      aria-label="Histograms over steps"
      preserveAspectRatio="none"
    >
      {all.map(({ step, found }, at) => {
        const cells = spread(found, low, high, rows);
        const most = Math.max(...cells, Number.MIN_VALUE);
        return (
          <g key={step} className={step === props.step ? 'on' : ''} onClick={() => props.choose(step)}>
            <title>{`step ${formatCount(step)}`}</title>
            <rect x={at * column} y={0} width={column} height={bandHeight} className="heat-ground" />
            {cells.map((cell, row) =>
              cell === 0 ? null : (
                <rect
                  key={row}
                  x={at * column}
                  y={bandHeight - ((row + 1) / rows) * bandHeight}
                  width={column + 0.3}
                  height={bandHeight / rows + 0.3}
                  opacity={0.12 + 0.88 * Math.sqrt(cell / most)}
                />
              ),
            )}
            {step === props.step && (
              <rect x={at * column} y={0} width={column} height={bandHeight} className="heat-chosen" />
            )}
          </g>
        );
      })}
    </svg>
  );
}

/** A histogram's counts in `rows` cells between two bounds. */
export function spread({ edges, counts }: HistogramData, low: number, high: number, rows: number): number[] {
  const cells = new Array<number>(rows).fill(0);
  const size = (high - low) / rows || 1;
  counts.forEach((count, at) => {
    const [from, to] = [edges[at]!, edges[at + 1]!];
    const first = Math.min(rows - 1, Math.max(0, Math.floor((from - low) / size)));
    const last = Math.min(rows - 1, Math.max(first, Math.ceil((to - low) / size) - 1));
    for (let cell = first; cell <= last; cell++) cells[cell]! += count / (last - first + 1);
  });
  return cells;
}

export function HistogramView(props: {
  value: MediaFragment;
  all: readonly MediaFragment[];
  choose: (step: number) => void;
}): ReactElement {
  const found = readHistogram(props.value.text ?? '');
  if (!found) return <div className="notice">This histogram can’t be read.</div>;
  const facts = props.value.facts as Record<string, string>;
  return (
    <div className="histogram" data-testid="media-histogram">
      <Bars found={found} />
      <div className="axis faint small">
        <span>{formatNumber(found.edges[0]!)}</span>
        <span>{formatNumber(found.edges.at(-1)!)}</span>
      </div>
      {props.all.length > 1 && (
        <>
          <Over values={props.all} step={props.value.step} choose={props.choose} />
          <div className="axis faint small">
            <span>step {formatCount(props.all[0]!.step)}</span>
            <span>step {formatCount(props.all.at(-1)!.step)}</span>
          </div>
        </>
      )}
      <p className="small dim">
        {['count', 'mean', 'std', 'nan', 'infinite']
          .filter((name) => facts[name] !== undefined)
          .map((name) => `${name} ${formatNumber(Number(facts[name]))}`)
          .join(' · ')}
      </p>
    </div>
  );
}

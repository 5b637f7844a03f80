import type { ReactElement } from 'react';
import { formatNumber } from '../format/format.js';
import { readCurve } from './parsed.js';

const [width, height] = [420, 240];

/** A line over something else than steps: ROC, precision over recall. */
export function CurveView(props: { text: string; facts: Readonly<Record<string, string>> }): ReactElement {
  const found = readCurve(props.text);
  if (!found || found.x.length === 0) return <div className="notice">This curve can’t be read.</div>;
  const { x, y, xLabel, yLabel } = found;
  const span = (values: readonly number[]): [number, number] => {
    const good = values.filter(Number.isFinite);
    const [low, high] = [Math.min(...good), Math.max(...good)];
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  };
  const [[xLow, xHigh], [yLow, yHigh]] = [span(x), span(y)];
  const line = x
    .map((at, index) => [
      ((at - xLow) / (xHigh - xLow)) * width,
      height - ((y[index]! - yLow) / (yHigh - yLow)) * height,
    ])
    .filter(([a, b]) => Number.isFinite(a) && Number.isFinite(b))
    .map(([a, b]) => `${a!.toFixed(1)},${b!.toFixed(1)}`)
    .join(' ');
  return (
    <div className="curve" data-testid="media-curve">
      <div className="small dim">
        {yLabel} over {xLabel}
        {Object.entries(props.facts).map(([name, value]) => ` · ${name.replaceAll('_', ' ')} ${value}`)}
      </div>
      <div className="curve-frame">
        <span className="faint small">{formatNumber(yHigh)}</span>
        <svg
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`${yLabel} over ${xLabel}`}
          preserveAspectRatio="none"
        >
          <polyline points={line} />
        </svg>
        <span className="faint small">{formatNumber(yLow)}</span>
      </div>
      <div className="axis faint small">
        <span>{formatNumber(xLow)}</span>
        <span>{xLabel}</span>
        <span>{formatNumber(xHigh)}</span>
      </div>
    </div>
  );
}

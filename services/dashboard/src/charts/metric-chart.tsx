import { useMemo, useRef, type ReactElement } from 'react';
import { formatterOf } from '../format/units.js';
import { useTheme } from '../theme/theme.js';
import { BandChart } from './band-chart.js';
import { ChartFrame } from './chart-frame.js';
import type { ChartView } from './chart-view.js';
import { lineColor } from './palette.js';
import { plotDataOf } from './plot-data.js';
import { Plot } from './plot.js';
import { useMetricLines } from './use-metric-lines.js';
import { useVisible } from './use-visible.js';

interface Props {
  run: string;
  startedAt: number;
  metric: string;
  live: boolean;
  view: ChartView;
  ranks: readonly number[] | null;
  zoom: (from: number, to: number) => void;
  reset: () => void;
}

const labelOf = (rank: number, many: boolean): string => (many || rank !== 0 ? `rank ${rank}` : 'value');

function LinesChart(props: Props & { visible: boolean }): ReactElement {
  const { run, startedAt, metric, live, view, ranks } = props;
  const theme = useTheme();
  const ask = { run, startedAt, metric, ranks, x: view.x, zoom: view.zoom, live, buckets: 500 };
  const { lines, trouble } = useMetricLines(ask, props.visible);
  const many = ranks === null || ranks.length > 1;
  const data = useMemo(
    () =>
      lines === null || lines.length === 0
        ? null
        : plotDataOf(
            lines.map((line) => ({ ...line, label: labelOf(line.rank, many), color: lineColor(theme, line.rank) })),
            view,
            theme,
          ),
    [lines, view, theme, many],
  );
  const last = lines?.length === 1 ? (lines[0]?.buckets.last.at(-1) ?? null) : null;
  return (
    <ChartFrame
      metric={metric}
      last={last}
      trouble={trouble}
      loading={lines === null}
      empty={lines !== null && data === null}
    >
      {data !== null && props.visible && (
        <Plot
          data={data}
          x={view.x}
          log={view.log}
          height={view.height}
          syncKey={`run-${view.x}`}
          label={`Line chart of ${metric}`}
          format={formatterOf(metric)}
          window={view.zoom}
          zoom={props.zoom}
          reset={props.reset}
        />
      )}
    </ChartFrame>
  );
}

/** One metric: lines of the chosen ranks, or the band across all of them. */
export function MetricChart(props: Props): ReactElement {
  const element = useRef<HTMLElement>(null);
  const visible = useVisible(element);
  return (
    <section
      ref={element}
      className="card chart"
      style={{ minHeight: props.view.height + 34 }}
      data-testid={`chart-${props.metric}`}
      aria-label={props.metric}
    >
      {props.view.kind === 'band' ? (
        <BandChart {...props} visible={visible} />
      ) : (
        <LinesChart {...props} visible={visible} />
      )}
    </section>
  );
}

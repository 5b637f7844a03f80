import { useMemo, useRef, type ReactElement } from 'react';
import { useTheme } from '../theme/theme.js';
import { align } from './align.js';
import { BandChart } from './band-chart.js';
import { bucketed } from './buckets.js';
import { ChartFrame } from './chart-frame.js';
import type { ChartView } from './chart-view.js';
import type { DrawnLine } from './line-store.js';
import { smooth } from './numbers.js';
import { lineColor, withAlpha } from './palette.js';
import { Plot, type PlotData } from './plot.js';
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

const envelopesMax = 3;

function plotDataOf(lines: readonly DrawnLine[], view: ChartView, theme: 'light' | 'dark', many: boolean): PlotData {
  const aligned = align(
    lines.map(({ buckets }) => ({
      x: buckets.x,
      columns: [buckets.last, smooth(buckets.last, view.smoothing), buckets.max, buckets.min],
    })),
  );
  const data: PlotData = { x: aligned.x, lines: [], shades: [], marks: lines.flatMap((line) => line.odd) };
  lines.forEach((line, i) => {
    const [raw = [], smoothed = [], max = [], min = []] = aligned.columns[i] ?? [];
    const color = lineColor(theme, line.rank);
    const label = many ? `rank ${line.rank}` : line.rank === 0 ? 'value' : `rank ${line.rank}`;
    if (view.smoothing > 0) {
      data.lines.push({ label: `${label} raw`, color: withAlpha(color, 0.28), width: 1, silent: true, values: raw });
    }
    data.lines.push({ label, color, width: 1.5, values: smoothed });
    if (lines.length <= envelopesMax && bucketed(line.buckets)) {
      data.shades.push({ color: withAlpha(color, theme === 'dark' ? 0.2 : 0.16), upper: max, lower: min });
    }
  });
  return data;
}

function LinesChart(props: Props & { visible: boolean }): ReactElement {
  const { run, startedAt, metric, live, view, ranks } = props;
  const theme = useTheme();
  const ask = { run, startedAt, metric, ranks, x: view.x, zoom: view.zoom, live, buckets: 500 };
  const { lines, trouble } = useMetricLines(ask, props.visible);
  const many = ranks === null || ranks.length > 1;
  const data = useMemo(
    () => (lines === null || lines.length === 0 ? null : plotDataOf(lines, view, theme, many)),
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

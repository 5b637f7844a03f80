import { useMemo, useRef, type ReactElement } from 'react';
import { ChartFrame } from '../charts/chart-frame.js';
import type { ChartView } from '../charts/chart-view.js';
import { plotDataOf } from '../charts/plot-data.js';
import { Plot } from '../charts/plot.js';
import { useVisible } from '../charts/use-visible.js';
import type { ComparedRunFragment } from '../generated/questions.js';
import { nameOf } from '../format/format.js';
import { formatterOf } from '../format/units.js';
import { useTheme } from '../theme/theme.js';
import { runLook } from './run-look.js';
import { useOverlay } from './use-overlay.js';

interface Props {
  /** All that are compared: a run has one colour on the whole page. */
  runs: readonly ComparedRunFragment[];
  metric: string;
  live: boolean;
  view: ChartView;
  zoom: (from: number, to: number) => void;
  reset: () => void;
}

/** One metric of all runs, a line each: of rank 0. */
export function OverlayChart(props: Props): ReactElement {
  const { runs, metric, live, view } = props;
  const theme = useTheme();
  const element = useRef<HTMLElement>(null);
  const visible = useVisible(element);
  const asked = runs.map(({ id, startedAt }) => ({ id, startedAt }));
  const { lines, trouble } = useOverlay({ runs: asked, metric, x: view.x, zoom: view.zoom, live }, visible);
  const data = useMemo(() => {
    if (lines === null || lines.size === 0) return null;
    const drawn = runs.flatMap((run, index) => {
      const line = lines.get(run.id);
      return line === undefined ? [] : [{ ...line, ...runLook(theme, index), label: nameOf(run) }];
    });
    return plotDataOf(drawn, view, theme);
  }, [lines, runs, view, theme]);
  return (
    <section
      ref={element}
      className="card chart"
      style={{ minHeight: view.height + 34 }}
      data-testid={`chart-${metric}`}
      aria-label={metric}
    >
      <ChartFrame metric={metric} trouble={trouble} loading={lines === null} empty={lines !== null && data === null}>
        {data !== null && visible && (
          <Plot
            data={data}
            x={view.x}
            log={view.log}
            height={view.height}
            syncKey={`compare-${view.x}`}
            label={`Line chart of ${metric}, a line for each run`}
            format={formatterOf(metric)}
            window={view.zoom}
            zoom={props.zoom}
            reset={props.reset}
          />
        )}
      </ChartFrame>
    </section>
  );
}

import { align } from './align.js';
import { bucketed, type Buckets } from './buckets.js';
import type { ChartView } from './chart-view.js';
import type { Odd } from './line-store.js';
import { smooth } from './numbers.js';
import { withAlpha } from './palette.js';
import type { PlotData } from './plot.js';

/** One line as it is drawn. */
export interface LookedAt {
  label: string;
  color: string;
  dash?: number[];
  buckets: Buckets;
  odd: Odd[];
}

/** Of more lines than this the envelopes would hide each other. */
const envelopesMax = 3;

export function plotDataOf(lines: readonly LookedAt[], view: ChartView, theme: 'light' | 'dark'): PlotData {
  const aligned = align(
    lines.map(({ buckets }) => ({
      x: buckets.x,
      columns: [buckets.last, smooth(buckets.last, view.smoothing), buckets.max, buckets.min],
    })),
  );
  const data: PlotData = { x: aligned.x, lines: [], shades: [], marks: lines.flatMap((line) => line.odd) };
  lines.forEach(({ label, color, dash, buckets }, i) => {
    const [raw = [], smoothed = [], max = [], min = []] = aligned.columns[i] ?? [];
    const style = dash === undefined ? {} : { dash };
    if (view.smoothing > 0) {
      const faint = withAlpha(color, 0.28);
      data.lines.push({ label: `${label} raw`, color: faint, width: 1, silent: true, values: raw, ...style });
    }
    data.lines.push({ label, color, width: 1.5, values: smoothed, ...style });
    if (lines.length <= envelopesMax && bucketed(buckets)) {
      data.shades.push({ color: withAlpha(color, theme === 'dark' ? 0.2 : 0.16), upper: max, lower: min });
    }
  });
  return data;
}

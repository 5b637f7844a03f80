import type { XAxis } from '../generated/questions.js';

/** How all charts of a page are looked at. */
export interface ChartView {
  kind: 'lines' | 'band';
  x: XAxis;
  log: boolean;
  smoothing: number;
  height: number;
  zoom: { from: number; to: number } | null;
}

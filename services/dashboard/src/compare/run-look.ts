import { lineColor } from '../charts/palette.js';
import type { Theme } from '../theme/theme.js';

export interface RunLook {
  readonly color: string;
  /** Lines whose colour comes again are told apart by their dashes. */
  readonly dash?: number[];
}

const colors = 10;
const dashes: readonly (number[] | undefined)[] = [undefined, [6, 4], [2, 3], [10, 3, 2, 3], [1, 5]];

/** How the run at this place of a comparison is drawn, on the whole page. */
export function runLook(theme: Theme, index: number): RunLook {
  const dash = dashes[Math.floor(index / colors) % dashes.length];
  return { color: lineColor(theme, index), ...(dash === undefined ? {} : { dash }) };
}

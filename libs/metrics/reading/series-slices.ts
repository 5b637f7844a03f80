import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import type { SeriesColumns } from '../metric-store.js';

export type Columns = Omit<SeriesColumns, 'key' | 'rank'>;

/** The columns of one rank of a series of several. */
export interface SeriesOf {
  readonly run: bigint;
  readonly hash: bigint;
  readonly rank: number;
  readonly columns: Columns;
}

/** The rows of one rank of a series: from `from` (inclusive) to `to` (exclusive). */
export interface Slice extends Omit<SeriesOf, 'columns'> {
  readonly from: number;
  readonly to: number;
}

/** Rows ordered by run, series and rank, cut where one of these changes. */
export function slicesOf(rows: ResultColumns): readonly Slice[] {
  if (rows.rows === 0) return [];
  const [runs, series, rank] = [rows.u64('run'), rows.u64('series'), rows.u32('rank')];
  const [sameRun, sameSeries] = [comparing(runs), comparing(series)];
  const slices: Slice[] = [];
  for (let from = 0, to = 1; to <= rows.rows; to++) {
    if (to < rows.rows && rank[to] === rank[from] && sameSeries(to, from) && sameRun(to, from)) continue;
    slices.push({ run: runs[from]!, hash: series[from]!, rank: rank[from]!, from, to });
    from = to;
  }
  return slices;
}

/** Whether two of these numbers are equal: each look at a whole 64-bit number would make an object of it. */
function comparing(numbers: BigUint64Array): (a: number, b: number) => boolean {
  const halves = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);
  return (a, b) => halves[2 * a] === halves[2 * b] && halves[2 * a + 1] === halves[2 * b + 1];
}

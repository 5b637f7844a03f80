import type { MetricStore, SeriesColumns } from '#libs/metrics/metric-store.js';
import { systemKey } from '#libs/domain/system-key.js';
import { runtimeKey, timestampKey } from './history-lines.js';
import { writeLooseJson } from './loose-json.js';

export interface RowsQuery {
  readonly run: string;
  /** Keys of the rows, without "_step". */
  readonly keys: readonly string[];
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** At most so many rows of each rank, about. */
  readonly samples: number;
  /** Of how many runs the history is made up: of a fork, it and its ancestors. They share the buckets of a question. */
  readonly parts?: number;
}
export type HistoryRow = Record<string, number>;

/** Series in one question; a row of the answer has a column for each. */
const keysPerQueryMax = 200;
const bucketsMax = 10_000;

/** The steps of a run as rows: each key's last value in each bucket of steps, which is one step where there are few enough of them. */
export async function readRows(store: MetricStore, query: RowsQuery): Promise<readonly HistoryRow[]> {
  const { run, from, to } = query;
  const buckets = Math.max(1, Math.min(bucketsMax, Math.min(query.samples, to - from)));
  const width = Math.ceil((to - from) / buckets);
  const rows = new Map<string, { readonly step: number; readonly rank: number; readonly row: HistoryRow }>();
  // what tells of a row's clock makes no row by itself
  const own = query.keys.filter((key) => !key.startsWith('_'));
  const ordered = [...own, ...query.keys.filter((key) => key.startsWith('_'))];
  for (let at = 0; at < ordered.length; at += keysPerQueryMax) {
    const keys = ordered.slice(at, at + keysPerQueryMax);
    const series = await store.series({
      run,
      keys,
      x: 'step',
      from,
      to,
      buckets: buckets * (query.parts ?? 1),
      countless: true,
    });
    for (const key of keys)
      for (const each of series) if (each.key === key) place(each, rows, own.length === 0 || !key.startsWith('_'));
  }
  return [...rows.values()].sort((a, b) => a.step - b.step || a.rank - b.rank).map(({ row }) => row);

  function place({ key, rank, x, last, oddX, oddValue }: SeriesColumns, all: typeof rows, makes: boolean): void {
    const put = (step: number, value: number): void => {
      const bucket = `${width === 1 ? step : Math.floor((step - from) / width)} ${rank}`;
      let found = all.get(bucket);
      if (!found && makes) all.set(bucket, (found = { step, rank, row: { _step: step } }));
      if (found) found.row[key] = value;
    };
    for (let i = 0; i < x.length; i++) put(x[i]!, last[i]!);
    for (let i = 0; i < oddX.length; i++) put(oddX[i]!, oddValue[i]!);
  }
}

export async function historyKeys(store: MetricStore, run: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let after: string | undefined; ; after = keys.at(-1)) {
    const page = await store.keys(run, undefined, 1_000, after);
    keys.push(...page);
    if (page.length < 1_000) break;
  }
  return keys.filter((key) => !systemKey(key));
}

export const clockKeys: readonly string[] = [runtimeKey, timestampKey];
export const writeRows = (rows: readonly HistoryRow[]): readonly string[] => rows.map((row) => writeLooseJson(row));

import type { MetricStore, SeriesColumns, StoredMedia } from '#libs/metrics/metric-store.js';
import { systemKey } from '#libs/domain/system-key.js';
import { alertFact } from './alerts.js';
import { runtimeKey, timestampKey } from './history-lines.js';
import { readLooseJson, writeLooseJson } from './loose-json.js';
import { clientFact } from './rich-cells.js';

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
  /** Keys of what is no number; null: all of them; those of the rows when absent. */
  readonly media?: readonly string[] | null;
}
export type HistoryRow = Record<string, unknown>;

/** Series in one question; a row of the answer has a column for each. */
const keysPerQueryMax = 200;
const bucketsMax = 10_000;
const mediaPage = 1_000;

/** The steps of a run as rows: each key's last value in each bucket of steps, which is one step where there are few enough of them. */
export async function readRows(store: MetricStore, query: RowsQuery): Promise<readonly HistoryRow[]> {
  const { run, from, to } = query;
  const buckets = Math.max(1, Math.min(bucketsMax, Math.min(query.samples, to - from)));
  const width = Math.ceil((to - from) / buckets);
  const rows = new Map<string, { readonly step: number; readonly rank: number; readonly row: HistoryRow }>();
  // what tells of a row's clock makes no row by itself, and so comes last
  const own = query.keys.filter((key) => !key.startsWith('_'));
  const clocks = query.keys.filter((key) => key.startsWith('_'));
  await placeSeries(own, true);
  await placeMedia();
  await placeSeries(clocks, own.length === 0);
  return [...rows.values()].sort((a, b) => a.step - b.step || a.rank - b.rank).map(({ row }) => row);

  async function placeSeries(all: readonly string[], makes: boolean): Promise<void> {
    for (let at = 0; at < all.length; at += keysPerQueryMax) {
      const keys = all.slice(at, at + keysPerQueryMax);
      const shared = buckets * (query.parts ?? 1);
      for (const each of await store.series({ run, keys, x: 'step', from, to, buckets: shared, countless: true }))
        place(each, makes);
    }
  }

  async function placeMedia(): Promise<void> {
    const wanted = query.media === undefined ? query.keys : query.media;
    if (wanted !== null && wanted.length === 0) return;
    for (let after: string | undefined; ;) {
      const page = await store.media({ run, ...(wanted && { keys: wanted }), from, to, after, first: mediaPage });
      for (const value of page.values)
        if (value.index === 0 && value.facts[alertFact] === undefined)
          put(value.step, value.rank, value.key, cellOf(value), true);
      if (!page.hasNextPage || page.endCursor === null) return;
      after = page.endCursor;
    }
  }

  function put(step: number, rank: number, key: string, value: unknown, makes: boolean): void {
    const bucket = `${width === 1 ? step : Math.floor((step - from) / width)} ${rank}`;
    let found = rows.get(bucket);
    if (!found && makes) rows.set(bucket, (found = { step, rank, row: { _step: step } }));
    if (found) found.row[key] = value;
  }

  function place({ key, rank, x, last, oddX, oddValue }: SeriesColumns, makes: boolean): void {
    for (let i = 0; i < x.length; i++) put(x[i]!, rank, key, last[i]!, makes);
    for (let i = 0; i < oddX.length; i++) put(oddX[i]!, rank, key, oddValue[i]!, makes);
  }
}

/** What a client logged that was no number, as it said it. */
function cellOf({ kind, mime, text, facts }: StoredMedia): unknown {
  const said = facts[clientFact];
  if (said === 'json' && mime === 'application/json') return readLooseJson(text);
  if (said !== undefined) return readLooseJson(said);
  return kind === 'text' ? text : null;
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

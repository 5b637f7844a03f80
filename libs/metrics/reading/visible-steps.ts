import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { systemKey } from '#libs/domain/system-key.js';
import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import { between, stepBlock } from '../tables/key-blocks.js';
import type { TableLookup } from '../tables/live-generation.js';
import { nameHash } from '../metric-names.js';
import { never } from '../tables/rollup-columns.js';
import { trainingOrder } from '../training-order.js';

/** What has to be known of a series before its rows are read. */
export interface SeriesFacts {
  readonly run: bigint;
  readonly key: string;
  readonly hash: bigint;
  readonly system: boolean;
  /** A step was written twice: read raw rows with FINAL, not rollups. */
  readonly rewritten: boolean;
  /** Attempt -> where it begins and ends, for the ranks asked for. */
  readonly reach: ReadonlyMap<number, { readonly first: number; readonly last: number; readonly ranks: number }>;
  /** Attempt -> when it began, Unix ms; 0: not told. */
  readonly began: ReadonlyMap<number, number>;
  /** Attempt -> the step it was said to go back to; only those of which that was said. */
  readonly rewinds: ReadonlyMap<number, number>;
  /** Between these steps, both inclusive, an attempt wrote what a later one wrote again. */
  readonly superseded: { readonly first: number; readonly last: number } | null;
}

/** Steps of one attempt that are seen: from `lo` (inclusive) to `hi` (exclusive). Bounds that cut nothing off are infinite. */
export interface VisibleRange {
  readonly attempt: number;
  /** Of this rank alone; absent: of all that are asked for. */
  readonly rank?: number;
  readonly lo: number;
  readonly hi: number;
  readonly first: number;
  readonly last: number;
}

/** Which series something has to be known of. */
export interface FactsQuery {
  readonly run: string;
  readonly keys: readonly string[];
  readonly ranks?: readonly number[] | undefined;
}

/** Of each key, in order. */
export async function readSeriesFacts(
  client: ClickHouseClient,
  table: TableLookup,
  query: FactsQuery,
  signal?: AbortSignal,
): Promise<readonly SeriesFacts[]> {
  return (await readFactsOfRuns(client, table, [query], signal))[0]!;
}

/** Of each key of each run; all of them ask for the same ranks. */
export async function readFactsOfRuns(
  client: ClickHouseClient,
  table: TableLookup,
  queries: readonly FactsQuery[],
  signal?: AbortSignal,
): Promise<readonly (readonly SeriesFacts[])[]> {
  const hashes = new Map(queries.flatMap(({ run, keys }) => [run, ...keys]).map((name) => [name, nameHash(name)]));
  const listOf = (names: readonly string[]): string => [...new Set(names)].map((name) => hashes.get(name)!).join(', ');
  const runs = `run IN (${listOf(queries.map(({ run }) => run))})`;
  const where = `${runs} AND series IN (${listOf(queries.flatMap(({ keys }) => keys))})`;
  const ranks = rankCondition(queries[0]?.ranks);
  const rows = await client.query(
    `SELECT 1 AS kind, run, toUInt64(0) AS series, toUInt32(attempt) AS attempt, toFloat64(min(from_step)) AS a, toFloat64(max(started_at)) AS b, toUInt64(0) AS n
       FROM ${table('attempts')} WHERE ${runs} GROUP BY run, attempt
     UNION ALL SELECT 2, run, series, toUInt32(attempt), toFloat64(min(first_step)), toFloat64(max(last_step)), uniqExact(rank)
       FROM ${table('spans')} WHERE ${where} AND ${ranks} GROUP BY run, series, attempt
     UNION ALL SELECT 3, run, series, toUInt32(0), 0., 0., toUInt64(0) FROM ${table('rewritten')} WHERE ${where} GROUP BY run, series
     UNION ALL SELECT 4, run, series, toUInt32(0), toFloat64(min(step)), toFloat64(max(step)), toUInt64(0) FROM ${table('superseded')}
       WHERE ${where} AND ${ranks} GROUP BY run, series`,
    { signal },
  );
  const known = readFacts(rows);
  return queries.map((query) => {
    const run = hashes.get(query.run)!;
    const { began, rewinds } = known.attempts.get(run) ?? newAttempts();
    return query.keys.map((key) => {
      const hash = hashes.get(key)!;
      const { reach, rewritten, superseded } = known.series.get(`${run} ${hash}`) ?? newSeries();
      return { run, key, hash, system: systemKey(key), rewritten, reach, began, rewinds, superseded };
    });
  });
}

const newAttempts = () => ({ began: new Map<number, number>(), rewinds: new Map<number, number>() });
const newSeries = () => ({
  reach: new Map<number, { first: number; last: number; ranks: number }>(),
  rewritten: false,
  superseded: null as SeriesFacts['superseded'],
});

function readFacts(rows: ResultColumns) {
  const attempts = new Map<bigint, ReturnType<typeof newAttempts>>();
  const series = new Map<string, ReturnType<typeof newSeries>>();
  for (let i = 0; i < rows.rows; i++) {
    const kind = rows.u8('kind')[i]!;
    const run = rows.u64('run')[i]!;
    const attempt = rows.u32('attempt')[i]!;
    const [first, last] = [rows.f64('a')[i]!, rows.f64('b')[i]!];
    if (kind === 1) {
      const own = attempts.get(run) ?? newAttempts();
      attempts.set(run, own);
      own.began.set(attempt, last);
      if (first < never) own.rewinds.set(attempt, first);
      continue;
    }
    const name = `${run} ${rows.u64('series')[i]!}`;
    const own = series.get(name) ?? newSeries();
    series.set(name, own);
    if (kind === 3) own.rewritten = true;
    else if (kind === 4) own.superseded = { first, last };
    else own.reach.set(attempt, { first, last, ranks: Number(rows.u64('n')[i]) });
  }
  return { attempts, series };
}

export const rankCondition = (ranks: readonly number[] | undefined, column = 'rank'): string => {
  if (!ranks) return '1';
  return ranks.length === 0 ? '0' : `${column} IN (${ranks.map(Number).join(', ')})`;
};

/**
 * Attempts side by side, in the order of when they began: everything that was logged is seen, but what a later attempt logged again
 * (`unlessSuperseded`), and steps at or after the one that a later attempt was said to go back to. Series that count by themselves
 * are never cut, and asking for one attempt shows it whole.
 */
export function visibleRanges(
  facts: Pick<SeriesFacts, 'reach' | 'began' | 'rewinds' | 'system'>,
  window: {
    readonly from?: number | undefined;
    readonly to?: number | undefined;
    readonly attempt?: number | undefined;
    /** As if no attempt had begun after this one: what a fork has inherited. */
    readonly attemptMax?: number | undefined;
  },
): readonly VisibleRange[] {
  const ranges: VisibleRange[] = [];
  const order = trainingOrder(facts.began);
  const { attemptMax } = window;
  const seen = (attempt: number): boolean => attemptMax === undefined || order(attempt, attemptMax) <= 0;
  for (const [attempt, { first, last }] of [...facts.reach].sort(([a], [b]) => order(a, b))) {
    if (!seen(attempt) || (window.attempt !== undefined && attempt !== window.attempt)) continue;
    let cutoff = Infinity;
    if (window.attempt === undefined && !facts.system) {
      for (const [later, step] of facts.rewinds)
        if (order(later, attempt) > 0 && seen(later)) cutoff = Math.min(cutoff, step);
    }
    const lo = Math.ceil(window.from ?? -Infinity);
    const hi = Math.min(cutoff, Math.ceil(window.to ?? Infinity));
    if (lo > last || hi <= first || lo >= hi) continue;
    ranges.push({ attempt, lo: lo <= first ? -Infinity : lo, hi: hi > last ? Infinity : hi, first, last });
  }
  return ranges;
}

/** The steps of these ranges among which there may be superseded ones; null: none, so that rollups can be trusted. */
export function supersededWindow(
  { superseded }: SeriesFacts,
  ranges: readonly VisibleRange[],
): SeriesFacts['superseded'] {
  return superseded && ranges.some(({ attempt }) => attempt !== ranges[0]!.attempt) ? superseded : null;
}

/** A condition on raw rows: not those whose step a later one of these attempts wrote again. */
export function unlessSuperseded(
  table: TableLookup,
  facts: SeriesFacts,
  ranges: readonly VisibleRange[],
  series: readonly bigint[] = [facts.hash],
): string {
  const window = supersededWindow(facts, ranges);
  if (!window) return '1';
  const attempts = [...new Set(ranges.map(({ attempt }) => attempt))].join(', ');
  return `(ord != 0 OR step NOT BETWEEN ${window.first} AND ${window.last} OR (series, attempt, rank, step) NOT IN (
      SELECT series, attempt, rank, step FROM ${table('superseded')}
      WHERE run = ${facts.run} AND series IN (${series.join(', ')}) AND attempt IN (${attempts}) AND by IN (${attempts})))`;
}

/** Smallest and largest step that can be seen. */
export function extentOf(ranges: readonly VisibleRange[]): { readonly min: number; readonly max: number } {
  let min = Infinity;
  let max = -Infinity;
  for (const { lo, hi, first, last } of ranges) {
    min = Math.min(min, Math.max(lo, first));
    max = Math.max(max, Math.min(hi - 1, last));
  }
  return { min, max };
}

/** The ranges as a condition on raw rows. */
export function rangeCondition(ranges: readonly VisibleRange[]): string {
  return `(${ranges
    .map(({ attempt, rank, lo, hi }) => {
      const of = rank === undefined ? '' : `rank = ${rank}`;
      return `(${[`attempt = ${attempt}`, of, between(stepBlock, lo, hi)].filter(Boolean).join(' AND ')})`;
    })
    .join(' OR ')})`;
}

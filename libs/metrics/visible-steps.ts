import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { between, stepBlock } from './key-blocks.js';
import type { TableLookup } from './live-generation.js';
import { nameHash, systemKey } from './metric-names.js';

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
  /** Attempt -> first training step it wrote or said it would write. */
  readonly starts: ReadonlyMap<number, number>;
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

export async function readSeriesFacts(
  client: ClickHouseClient,
  table: TableLookup,
  query: { readonly run: string; readonly keys: readonly string[]; readonly ranks?: readonly number[] | undefined },
  signal?: AbortSignal,
): Promise<readonly SeriesFacts[]> {
  const run = nameHash(query.run);
  const hashes = query.keys.map(nameHash);
  const where = `run = ${run} AND series IN (${hashes.join(', ')})`;
  const rows = await client.query(
    `SELECT 1 AS kind, toUInt64(0) AS series, toUInt32(attempt) AS attempt, toFloat64(min(from_step)) AS a, toFloat64(0) AS b, toUInt64(0) AS n
       FROM ${table('attempts')} WHERE run = ${run} GROUP BY attempt
     UNION ALL SELECT 2, series, toUInt32(attempt), toFloat64(min(first_step)), toFloat64(max(last_step)), uniqExact(rank)
       FROM ${table('spans')} WHERE ${where} AND ${rankCondition(query.ranks)} GROUP BY series, attempt
     UNION ALL SELECT 3, series, toUInt32(0), 0., 0., toUInt64(0) FROM ${table('rewritten')} WHERE ${where} GROUP BY series`,
    { signal },
  );
  const starts = new Map<number, number>();
  const reach = new Map<bigint, Map<number, { first: number; last: number; ranks: number }>>();
  const rewritten = new Set<bigint>();
  for (let i = 0; i < rows.rows; i++) {
    const kind = rows.u8('kind')[i]!;
    const series = rows.u64('series')[i]!;
    const attempt = rows.u32('attempt')[i]!;
    const [a, b] = [rows.f64('a')[i]!, rows.f64('b')[i]!];
    if (kind === 1) starts.set(attempt, a);
    else if (kind === 3) rewritten.add(series);
    else {
      const attempts = reach.get(series) ?? new Map<number, { first: number; last: number; ranks: number }>();
      reach.set(series, attempts.set(attempt, { first: a, last: b, ranks: Number(rows.u64('n')[i]) }));
    }
  }
  return query.keys.map((key, index) => {
    const hash = hashes[index]!;
    return {
      run,
      key,
      hash,
      system: systemKey(key),
      rewritten: rewritten.has(hash),
      reach: reach.get(hash) ?? new Map(),
      starts,
    };
  });
}

export const rankCondition = (ranks: readonly number[] | undefined, column = 'rank'): string => {
  if (!ranks) return '1';
  return ranks.length === 0 ? '0' : `${column} IN (${ranks.map(Number).join(', ')})`;
};

/**
 * Attempts stitched: a step of an attempt is seen unless a later attempt starts at or before it. Series that count by themselves are
 * not cut, and asking for one attempt shows it whole.
 */
export function visibleRanges(
  facts: Pick<SeriesFacts, 'reach' | 'starts' | 'system'>,
  window: {
    readonly from?: number | undefined;
    readonly to?: number | undefined;
    readonly attempt?: number | undefined;
    /** As if no later attempt had been made: what a fork has inherited. */
    readonly attemptMax?: number | undefined;
  },
): readonly VisibleRange[] {
  const ranges: VisibleRange[] = [];
  const newest = window.attemptMax ?? Infinity;
  for (const [attempt, { first, last }] of [...facts.reach].sort(([a], [b]) => a - b)) {
    if (attempt > newest || (window.attempt !== undefined && attempt !== window.attempt)) continue;
    let cutoff = Infinity;
    if (window.attempt === undefined && !facts.system) {
      for (const [later, start] of facts.starts)
        if (later > attempt && later <= newest) cutoff = Math.min(cutoff, start);
    }
    const lo = Math.ceil(window.from ?? -Infinity);
    const hi = Math.min(cutoff, Math.ceil(window.to ?? Infinity));
    if (lo > last || hi <= first || lo >= hi) continue;
    ranges.push({ attempt, lo: lo <= first ? -Infinity : lo, hi: hi > last ? Infinity : hi, first, last });
  }
  return ranges;
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

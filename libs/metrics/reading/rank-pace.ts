import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { between, stepBlock } from '../tables/key-blocks.js';
import type { TableLookup } from '../tables/live-generation.js';
import { clockKey, nameHash } from '../metric-names.js';
import type { RankPace } from '../metric-store.js';

const recentStepsMax = 64;

/** Per rank, of the attempt that began last among those it has written to: its last step, when that was, and the median time between its last steps. */
export async function readRankPace(
  client: ClickHouseClient,
  table: TableLookup,
  runId: string,
): Promise<readonly RankPace[]> {
  const run = nameHash(runId);
  const clock = nameHash(clockKey);
  const reach = await client.query(
    `SELECT rank, toUInt32(argMax(p.attempt, (started, p.attempt))) AS newest, toFloat64(argMax(first, (started, p.attempt))) AS lo,
       toFloat64(argMax(last, (started, p.attempt))) AS hi
     FROM (SELECT rank, attempt, min(first_step) AS first, max(last_step) AS last FROM ${table('spans')}
       WHERE run = ${run} AND series = ${clock} GROUP BY rank, attempt) AS p
     LEFT JOIN (SELECT attempt, max(started_at) AS started FROM ${table('attempts')} WHERE run = ${run} GROUP BY attempt) AS a ON p.attempt = a.attempt
     GROUP BY rank ORDER BY rank`,
  );
  const found = new Map<number, RankPace>();
  if (reach.rows === 0) return [];
  const [ranks, attempts, first, last] = [reach.u32('rank'), reach.u32('newest'), reach.f64('lo'), reach.f64('hi')];
  let open = Array.from({ length: reach.rows }, (_, index) => index);
  // steps may be far apart: look back farther for ranks that show too few of them
  for (let window = 256; open.length > 0; window *= 16) {
    const tail = await readTails(
      client,
      table,
      run,
      clock,
      open.map((i) => ({ rank: ranks[i]!, attempt: attempts[i]!, from: last[i]! - window })),
    );
    open = open.filter((i) => {
      const times = tail.get(ranks[i]!) ?? [];
      const enough = times.length >= 8 || last[i]! - window <= first[i]!;
      if (enough) found.set(ranks[i]!, paceOf(ranks[i]!, attempts[i]!, last[i]!, times));
      return !enough;
    });
  }
  return Array.from(ranks, (rank) => found.get(rank)!);
}

interface Tail {
  readonly rank: number;
  readonly attempt: number;
  readonly from: number;
}

/** Times of the last steps by rank, newest first. */
async function readTails(
  client: ClickHouseClient,
  table: TableLookup,
  run: bigint,
  clock: bigint,
  tails: readonly Tail[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  const groups = new Map<number, Tail[]>();
  for (const tail of tails) groups.set(tail.attempt, [...(groups.get(tail.attempt) ?? []), tail]);
  const conditions = [...groups].map(([attempt, members]) => {
    // one bound for all ranks lets the key be used; the few rows too many are cut by LIMIT BY
    const from = members.reduce((least, { from: start }) => Math.min(least, start), Infinity);
    return `(attempt = ${attempt} AND ${between(stepBlock, from + 1, Infinity)} AND rank IN (${members.map(({ rank }) => rank).join(', ')}))`;
  });
  const rows = await client.query(
    `SELECT rank, t FROM (SELECT rank, step, max(value) AS t FROM ${table('points')} FINAL
       WHERE run = ${run} AND series = ${clock} AND (${conditions.join(' OR ')}) GROUP BY rank, step)
     ORDER BY rank, step DESC LIMIT ${recentStepsMax} BY rank`,
  );
  const times = new Map<number, number[]>();
  for (let i = 0; i < rows.rows; i++) {
    const list = times.get(rows.u32('rank')[i]!) ?? [];
    if (list.length === 0) times.set(rows.u32('rank')[i]!, list);
    list.push(rows.f64('t')[i]!);
  }
  return times;
}

function paceOf(rank: number, attempt: number, lastStep: number, times: readonly number[]): RankPace {
  const gaps = times.slice(1).map((time, index) => times[index]! - time);
  const sorted = Float64Array.from(gaps).sort();
  const half = sorted.length >> 1;
  const stepMs =
    sorted.length === 0 ? null : sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return { rank, attempt, lastStep, lastTimeMs: times[0] ?? Number.NaN, stepMs };
}

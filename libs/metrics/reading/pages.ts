import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { TableLookup } from '../tables/live-generation.js';
import type { LineColumns, LinesQuery, PointColumns, PointsQuery, StoredLine } from '../metric-store.js';
import { nameHash } from '../metric-names.js';
import { timedPoints } from './time-series.js';
import { extentOf, visibleRanges, type SeriesFacts, type VisibleRange } from './visible-steps.js';

/** A page of raw points by (step, rank, attempt, ord). Read in growing windows of steps, so that a page costs what it holds. */
export async function readPointsPage(
  client: ClickHouseClient,
  table: TableLookup,
  facts: SeriesFacts,
  query: PointsQuery,
  signal?: AbortSignal,
): Promise<PointColumns> {
  const after = query.after === undefined ? null : readPointCursor(query.after);
  const found: PointColumns[] = [];
  let rows = 0;
  const wanted = query.first + 1;
  const whole = visibleRanges(facts, { ...query, from: after?.step });
  if (whole.length > 0) {
    const { min, max } = extentOf(whole);
    const ranks = Math.max(1, ...[...facts.reach.values()].map((reach) => reach.ranks));
    let size = Math.max(256, Math.ceil((wanted * 1.25) / ranks));
    for (let from = min; from <= max && rows < wanted; from += size, size *= 4) {
      const ranges = visibleRanges(facts, { ...query, from, to: Math.min(from + size, query.to ?? Infinity) });
      if (ranges.length === 0) continue;
      const page = await readWindow(client, table, facts, query, ranges, after, wanted - rows, signal);
      rows += page.step.length;
      found.push(page);
    }
  }
  return joinPages(found, query.first);
}

interface PointCursor {
  readonly step: number;
  readonly rank: number;
  readonly attempt: number;
  readonly ord: string;
}

function readPointCursor(text: string): PointCursor {
  const match = /^(-?\d{1,16})\.(\d{1,10})\.(\d{1,5})\.(\d{1,20})$/.exec(text);
  if (!match) throw new Rejection('INVALID_ARGUMENT', `after: "${text}" is not a cursor of this list`, 'after');
  return { step: Number(match[1]), rank: Number(match[2]), attempt: Number(match[3]), ord: match[4]! };
}

type OrderedPoints = PointColumns & { readonly ord?: readonly string[] };

async function readWindow(
  client: ClickHouseClient,
  table: TableLookup,
  facts: SeriesFacts,
  query: PointsQuery,
  ranges: readonly VisibleRange[],
  after: PointCursor | null,
  limit: number,
  signal?: AbortSignal,
): Promise<OrderedPoints> {
  const ranks = query.rank === undefined ? undefined : [query.rank];
  const keyset = after
    ? `(step, rank, attempt, ord) > (${after.step}, ${after.rank}, ${after.attempt}, ${after.ord})`
    : '1';
  const rows = await client.query(
    `SELECT toFloat64(step) AS at, toInt32(rank) AS r, toInt32(attempt) AS a, value, t, toString(ord) AS o
     FROM (${timedPoints(table, facts, ranges, ranks)}) WHERE ${keyset}
     ORDER BY step, rank, attempt, ord LIMIT ${limit}`,
    { signal },
  );
  if (rows.rows === 0) return joinPages([], 0);
  const [step, value, time] = [rows.f64('at'), rows.f64('value'), rows.f64('t')];
  const [rank, attempt] = [rows.columns.get('r') as Int32Array, rows.columns.get('a') as Int32Array];
  return { step, rank, attempt, value, time, ord: rows.texts('o'), endCursor: null, hasNextPage: false };
}

function joinPages(pages: readonly OrderedPoints[], first: number): PointColumns {
  const floats = (name: 'step' | 'value' | 'time'): Float64Array =>
    Float64Array.from(pages.flatMap((page) => Array.from(page[name]))).subarray(0, first);
  const ints = (name: 'rank' | 'attempt'): Int32Array =>
    Int32Array.from(pages.flatMap((page) => Array.from(page[name]))).subarray(0, first);
  const step = floats('step');
  const [rank, attempt] = [ints('rank'), ints('attempt')];
  const ords = pages.flatMap((page) => page.ord ?? []);
  const total = pages.reduce((sum, page) => sum + page.step.length, 0);
  const last = step.length - 1;
  const endCursor = last < 0 ? null : `${step[last]}.${rank[last]}.${attempt[last]}.${ords[last]}`;
  return { step, rank, attempt, value: floats('value'), time: floats('time'), endCursor, hasNextPage: total > first };
}

/** A page of console lines that ends before a cursor, oldest first. */
export async function readLinesPage(
  client: ClickHouseClient,
  table: TableLookup,
  query: LinesQuery,
  signal?: AbortSignal,
): Promise<LineColumns> {
  const conditions = [`run = ${nameHash(query.run)}`];
  const params: Record<string, unknown> = {};
  if (query.rank !== undefined) conditions.push(`rank = ${Number(query.rank)}`);
  if (query.match) {
    conditions.push('positionCaseInsensitiveUTF8(text, {match:String}) > 0');
    params['match'] = query.match;
  }
  if (query.before !== undefined) {
    const before = readLineCursor(query.before);
    conditions.push(
      `(time, rank, attempt, writer, number) < (${before.time}, ${before.rank}, ${before.attempt}, {writer:String}, ${before.number})`,
    );
    params['writer'] = before.writer;
  }
  const rows = await client.query(
    `SELECT toFloat64(time) AS t, rank, toUInt32(attempt) AS a, writer, toFloat64(number) AS n, stream, text FROM ${table('lines')}
     WHERE ${conditions.join(' AND ')}
     ORDER BY time DESC, rank DESC, attempt DESC, writer DESC, number DESC
     LIMIT 1 BY time, rank, attempt, writer, number LIMIT ${query.last + 1}`,
    { params, signal },
  );
  const lines: StoredLine[] = [];
  for (let i = Math.min(rows.rows, query.last) - 1; i >= 0; i--) {
    lines.push({
      rank: rows.u32('rank')[i]!,
      attempt: rows.u32('a')[i]!,
      writer: rows.texts('writer')[i]!,
      number: rows.f64('n')[i]!,
      stream: rows.texts('stream')[i]!,
      timeMs: rows.f64('t')[i]!,
      text: rows.texts('text')[i]!,
    });
  }
  const oldest = lines[0];
  const startCursor = oldest
    ? `${oldest.timeMs}.${oldest.rank}.${oldest.attempt}.${oldest.number}.${oldest.writer}`
    : null;
  return { lines, startCursor, hasPreviousPage: rows.rows > query.last };
}

function readLineCursor(text: string): { time: number; rank: number; attempt: number; number: number; writer: string } {
  const match = /^(-?\d{1,16})\.(\d{1,10})\.(\d{1,5})\.(\d{1,16})\.(.*)$/s.exec(text);
  if (!match) throw new Rejection('INVALID_ARGUMENT', `before: "${text}" is not a cursor of this list`, 'before');
  return {
    time: Number(match[1]),
    rank: Number(match[2]),
    attempt: Number(match[3]),
    number: Number(match[4]),
    writer: match[5]!,
  };
}

import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { RunSearch } from '../run-table.js';
import type { Order } from './ast.js';
import { Compiler } from './compile.js';
import { printCursor, queryHash, readCursor, type Cursor, type CursorValue } from './cursor.js';
import { parseFilter, parseOrder } from './parser.js';

type Sql = RawBuilder<unknown>;
/** Counting stops here: an exact count of more would cost more than the page itself. */
export const totalCountMax = 1_000;

export interface FoundRuns {
  readonly ids: readonly string[];
  readonly cursors: readonly string[];
  readonly hasNextPage: boolean;
  /** Exact up to `totalCountMax`, which stands for "that many or more". */
  readonly totalCount: number;
}
interface Row {
  readonly id: string;
  readonly [column: `k${number}`]: CursorValue;
}

const and = (parts: readonly Sql[]): Sql => sql.join([...parts], sql` and `);

/**
 * One page of run ids. First as many matches as are counted, sorted: for a narrow filter that is the answer, however badly the planner
 * guesses how its parts go together. Where there are more, they lie so close that the order's index soon finds a page of them.
 */
export async function searchRuns(queries: Kysely<unknown>, schema: string, search: RunSearch): Promise<FoundRuns> {
  const asked = parseOrder(search.orderBy ?? '');
  const orders: readonly Order[] =
    asked.length > 0 ? asked : [{ of: { kind: 'attributes', key: 'started_at' }, descending: true }];
  const compiler = new Compiler(schema, search.nowMs, search.filter ?? '');
  const where: Sql[] = [sql`r.visible`];
  if (search.project !== undefined) where.push(sql`r.project = ${search.project.replaceAll('\u0000', '')}`);
  if (search.archived !== undefined) where.push(search.archived ? sql`r.archived` : sql`not r.archived`);
  const filter = parseFilter(search.filter ?? '');
  if (filter) where.push(compiler.filter(filter));
  const ordered = orders.map((order) => compiler.order(order));
  const hash = queryHash([search.project, search.filter, search.orderBy, search.archived]);
  const types = ordered.map(({ type }) => type);
  const after = search.after === undefined || search.after === '' ? null : readCursor(search.after, hash, types);
  const question: Question = {
    from: compiler.from,
    where,
    columns: ordered.map((column) => column.sql),
    orders,
    after,
  };
  const narrow = await firstMatches(queries, question, search.first + 1);
  const rows = narrow.count < totalCountMax ? narrow.rows : await pageByIndex(queries, question, search.first + 1);
  const kept = rows.slice(0, search.first);
  return {
    ids: kept.map(({ id }) => id),
    cursors: kept.map((row) =>
      printCursor(hash, { id: row.id, values: orders.map((_, index) => row[`k${index}`] ?? null) }),
    ),
    hasNextPage: rows.length > search.first,
    totalCount: narrow.count,
  };
}

interface Question {
  readonly from: Sql;
  readonly where: readonly Sql[];
  readonly columns: readonly Sql[];
  readonly orders: readonly Order[];
  readonly after: Cursor | null;
}
const named = (columns: readonly Sql[]): Sql =>
  sql.join(columns.map((column, index) => sql`${column} as ${sql.ref(`k${index}`)}`));

/** Up to `totalCountMax` matches in whatever order they are found, how many they are, and the page of them. */
async function firstMatches(
  queries: Kysely<unknown>,
  { from, where, columns, orders, after }: Question,
  limit: number,
): Promise<{ readonly count: number; readonly rows: readonly Row[] }> {
  const keys = columns.map((_, index) => sql.ref(`r.k${index}`));
  const keyset = after ? beyond(keys, orders, after) : sql`true`;
  const order = sql.join([...keys.map((key, index) => nullsLast(key, orders[index]!)), tie(orders)]);
  const query = sql<Row & { readonly id: string | null; readonly count: number }>`
    with found as materialized (select r.id, ${named(columns)} from ${from} where ${and(where)} limit ${totalCountMax}),
      counted as (select count(*) as count from found),
      page as (select r.*, row_number() over (order by ${order}) as place from found r, counted
        where counted.count < ${totalCountMax} and ${keyset} order by place limit ${limit})
    select * from counted left join page on true order by place`;
  const { rows } = await query.execute(queries);
  return { count: rows[0]!.count, rows: rows.filter(({ id }) => id !== null) };
}

/** Rows that lack the first ordered value come after all that have it, so each kind is its own indexable query. */
async function pageByIndex(
  queries: Kysely<unknown>,
  { from, where, columns, orders, after }: Question,
  limit: number,
): Promise<readonly Row[]> {
  const page = async (first: Sql, rows: number, cursor: Cursor | null): Promise<readonly Row[]> => {
    const keyset = cursor ? [...indexStart(columns, orders, cursor), beyond(columns, orders, cursor)] : [];
    const query = sql<Row>`select r.id, ${named(columns)} from ${from} where ${and([...where, first, ...keyset])}
      order by ${sql.join([...columns.map((column, index) => direction(column, orders[index]!, index)), tie(orders)])} limit ${rows}`;
    return (await query.execute(queries)).rows;
  };
  const found: Row[] = [];
  if (!after || after.values[0] !== null) found.push(...(await page(sql`${columns[0]!} is not null`, limit, after)));
  if (found.length < limit) {
    const cursor = after && after.values[0] === null ? after : null;
    found.push(...(await page(sql`${columns[0]!} is null`, limit - found.length, cursor)));
  }
  return found;
}

const nullsLast = (column: Sql, order: Order): Sql =>
  order.descending ? sql`${column} desc nulls last` : sql`${column} asc nulls last`;

/** The first column is never null or always null within a query, so its plain direction can use an index both ways. */
function direction(column: Sql, order: Order, index: number): Sql {
  if (index > 0) return nullsLast(column, order);
  return order.descending ? sql`${column} desc` : sql`${column} asc`;
}
const tie = (orders: readonly Order[]): Sql => (orders[0]!.descending ? sql`r.id desc` : sql`r.id asc`);

function bound(value: CursorValue): Sql {
  if (typeof value === 'number') return sql`${String(value)}::text::float8`;
  return typeof value === 'boolean' ? sql`${String(value)}::text::boolean` : sql`${value}::text`;
}

/** Rows after the cursor: lexicographic over the columns, nulls last, then the run id. */
function beyond(columns: readonly Sql[], orders: readonly Order[], cursor: Cursor): Sql {
  const alternatives: Sql[] = [];
  const equal: Sql[] = [];
  columns.forEach((column, index) => {
    const value = cursor.values[index]!;
    if (value !== null) {
      const past = orders[index]!.descending ? sql`${column} < ${bound(value)}` : sql`${column} > ${bound(value)}`;
      alternatives.push(sql`(${and([...equal, sql`(${past} or ${column} is null)`])})`);
    }
    equal.push(value === null ? sql`${column} is null` : sql`${column} = ${bound(value)}`);
  });
  const id = orders[0]!.descending ? sql`r.id < ${cursor.id}` : sql`r.id > ${cursor.id}`;
  alternatives.push(sql`(${and([...equal, id])})`);
  return sql`(${sql.join(alternatives, sql` or `)})`;
}

/** The same once more, loosely, in a form that an index can start from. */
function indexStart(columns: readonly Sql[], orders: readonly Order[], cursor: Cursor): Sql[] {
  const [first] = cursor.values;
  if (first === null || first === undefined) return [];
  return [orders[0]!.descending ? sql`${columns[0]!} <= ${bound(first)}` : sql`${columns[0]!} >= ${bound(first)}`];
}

import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { RunSearch } from '../run-table.js';
import type { Order } from './ast.js';
import { Compiler } from './compile.js';
import { printCursor, queryHash, readCursor, type Cursor, type CursorValue } from './cursor.js';
import { parseFilter, parseOrder } from './parser.js';

type Sql = RawBuilder<unknown>;
/** Counting stops here: an exact count of more would cost more than the page itself. */
export const totalCountMax = 10_000;

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

/** One page of run ids. Rows that lack the first ordered value come after all that have it, so each kind is its own indexable query. */
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
  // without the joins that only the order needs
  const counted = compiler.from;
  const ordered = orders.map((order) => compiler.order(order));
  const columns = ordered.map((column) => column.sql);
  const hash = queryHash([search.project, search.filter, search.orderBy, search.archived]);
  const after =
    search.after === undefined || search.after === ''
      ? null
      : readCursor(
          search.after,
          hash,
          ordered.map(({ type }) => type),
        );
  const page = async (first: Sql, limit: number, cursor: Cursor | null): Promise<readonly Row[]> => {
    const keyset = cursor ? [beyond(columns, orders, cursor)] : [];
    const selected = columns.map((column, index) => sql`${column} as ${sql.ref(`k${index}`)}`);
    const query = sql<Row>`select r.id, ${sql.join(selected)} from ${compiler.from} where ${and([...where, first, ...keyset])}
      order by ${sql.join([...columns.map((column, index) => direction(column, orders[index]!, index)), tie(orders)])} limit ${limit}`;
    return (await query.execute(queries)).rows;
  };
  const rows: Row[] = [];
  if (!after || after.values[0] !== null)
    rows.push(...(await page(sql`${columns[0]!} is not null`, search.first + 1, after)));
  if (rows.length <= search.first) {
    const cursor = after && after.values[0] === null ? after : null;
    rows.push(...(await page(sql`${columns[0]!} is null`, search.first + 1 - rows.length, cursor)));
  }
  const counting = sql<{
    count: number;
  }>`select count(*) as count from (select 1 from ${counted} where ${and(where)} limit ${totalCountMax}) c`;
  const { rows: counts } = await counting.execute(queries);
  const kept = rows.slice(0, search.first);
  return {
    ids: kept.map(({ id }) => id),
    cursors: kept.map((row) =>
      printCursor(hash, { id: row.id, values: columns.map((_, index) => row[`k${index}`] ?? null) }),
    ),
    hasNextPage: rows.length > search.first,
    totalCount: counts[0]!.count,
  };
}

/** The first column is never null or always null within a query, so its plain direction can use an index both ways. */
function direction(column: Sql, order: Order, index: number): Sql {
  if (index === 0) return order.descending ? sql`${column} desc` : sql`${column} asc`;
  return order.descending ? sql`${column} desc nulls last` : sql`${column} asc nulls last`;
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
      alternatives.push(sql`(${and([...equal, index === 0 ? past : sql`(${past} or ${column} is null)`])})`);
    }
    equal.push(value === null ? sql`${column} is null` : sql`${column} = ${bound(value)}`);
  });
  const id = orders[0]!.descending ? sql`r.id < ${cursor.id}` : sql`r.id > ${cursor.id}`;
  alternatives.push(sql`(${and([...equal, id])})`);
  const [first] = cursor.values;
  // the same once more in a form that an index can start from
  const start =
    first === null || first === undefined
      ? []
      : [orders[0]!.descending ? sql`${columns[0]!} <= ${bound(first)}` : sql`${columns[0]!} >= ${bound(first)}`];
  return and([...start, sql`(${sql.join(alternatives, sql` or `)})`]);
}

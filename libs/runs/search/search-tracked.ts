import { storableText } from '#libs/postgres/storable-text.js';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { TrackedSearch } from '../tracking-tables.js';
import { Compiler } from './compile.js';

type Sql = RawBuilder<unknown>;

/** Ids of one page, and of one run more when there is one. */
export async function searchTracked(
  queries: Kysely<unknown>,
  schema: string,
  search: TrackedSearch,
): Promise<readonly string[]> {
  const compiler = new Compiler(schema, 0, search.source, false, search.shown);
  const filter = search.filter ? compiler.filter(search.filter) : sql`true`;
  const order = [
    ...search.orders.flatMap((each) => {
      const column = compiler.order(each);
      const by = column.type === 'text' ? sql`${column.sql} collate "C"` : column.sql;
      const sorted = each.descending ? sql`${by} desc nulls last` : sql`${by} asc nulls last`;
      // of the metrics without a number, NaN comes before those that were never logged
      return each.of.kind === 'metrics' ? [sorted, sql`${compiler.present(each.of.key)} desc`] : [sorted];
    }),
    sql`r.started_at desc`,
    sql`r.id collate "C" asc`,
  ];
  const query = sql<{ id: string }>`select r.id from ${compiler.from} where ${scope(search)} and ${filter}
    order by ${sql.join(order)} limit ${search.limit + 1} offset ${search.offset}`;
  return (await query.execute(queries)).rows.map(({ id }) => id);
}

function scope({ projects, deletedProjects, view }: TrackedSearch): Sql {
  const of = (names: readonly string[]): Sql => sql`r.project = any(${names.map(storableText)}::text[])`;
  switch (view) {
    case 'active':
      return sql`(${of(projects)} and r.visible)`;
    case 'deleted':
      return sql`((${of(projects)} and r.deleted) or (${of(deletedProjects)} and (r.visible or r.deleted)))`;
    case 'all':
      return sql`(${of([...projects, ...deletedProjects])} and (r.visible or r.deleted))`;
  }
}

import { storableText } from '#libs/postgres/storable-text.js';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import type { Page, ProjectRow } from '../run-table.js';
import { printCursor, queryHash, readCursor } from '../search/cursor.js';

/** Projects by name, with what their runs do. A project that only runs name so far has number 0; deleted ones are left out. */
export async function pageProjects(
  database: SqlDatabase,
  schema: string,
  query: {
    readonly name?: string;
    readonly first: number;
    readonly after?: string | undefined;
    readonly match?: string | undefined;
  },
): Promise<Page<ProjectRow>> {
  const hash = queryHash(['projects', query.match]);
  const after = query.after ? readCursor(query.after, hash, []).id : null;
  const clean = (text: string | undefined): string | null => (text === undefined ? null : storableText(text));
  const names = `(select name from ${schema}.projects union select name from ${schema}.project_names) n`;
  const matching = `not exists (select 1 from ${schema}.projects d where d.name = n.name and d.deleted) and ($1::text is null or n.name = $1) and ($2::text is null or strpos(lower(n.name), lower($2)) > 0
    or exists (select 1 from ${schema}.projects d where d.name = n.name and strpos(lower(d.title), lower($2)) > 0))`;
  const rows = await database.query<ProjectRow>(
    `select n.name, coalesce(p.title, n.name) as title, coalesce(p.world, '') as world, coalesce(p.number, 0) as number, coalesce(p.description, '') as description, coalesce(p.tags, '{}'::json) as tags,
       coalesce(p.created_at, i.first_at) as "createdAt", a.runs as "runCount", a.active as "activeRunCount", a.last as "lastActivityAt"
     from ${names} left join ${schema}.projects p on p.name = n.name left join ${schema}.project_names i on i.name = n.name
     cross join lateral (
       select count(*) as runs, count(*) filter (where r.status = 'running') as active, max(greatest(r.seen_at, l.seen_at)) as last
       from ${schema}.runs r left join ${schema}.liveness l on l.run = r.id where r.project = n.name and r.visible and not r.archived) a
     where ${matching} and ($3::text is null or n.name collate "C" > $3) order by n.name collate "C" limit $4`,
    [clean(query.name), clean(query.match), after, query.first + 1],
  );
  const [count] = await database.query<{ count: number }>(`select count(*) as count from ${names} where ${matching}`, [
    clean(query.name),
    clean(query.match),
  ]);
  const kept = rows.slice(0, query.first);
  return {
    rows: kept,
    cursors: kept.map(({ name }) => printCursor(hash, { id: name, values: [] })),
    hasNextPage: rows.length > query.first,
    totalCount: count!.count,
  };
}

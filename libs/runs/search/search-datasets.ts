import { storableText } from '#libs/postgres/storable-text.js';
import { sql, type Kysely } from 'kysely';
import type { Page } from '../run-table.js';
import type { DatasetRow, DatasetSearch } from '../tracking-tables.js';
import { printCursor, queryHash, readCursor } from './cursor.js';

const runsShownMax = 100;
const contextTag = 'mlflow.data.context';
/** One row per name and digest. Data sets are few beside runs: they are grouped whole, and a page of the groups is described. */
export async function searchDatasets(
  queries: Kysely<unknown>,
  schema: string,
  { projects, match, first, after }: DatasetSearch,
): Promise<Page<DatasetRow>> {
  const hash = queryHash(['datasets', projects, match]);
  const cursor = after === undefined ? null : readCursor(after, hash, ['number', 'text']);
  const scope = projects
    ? sql`r.project = any(${projects.map(storableText)}::text[])`
    : sql`r.project not in (select p.name from ${sql.raw(schema)}.projects p where p.deleted)`;
  const named = match === '' ? sql`` : sql` and strpos(lower(d.name), ${storableText(match.toLowerCase())}) > 0`;
  const [at, name] = cursor?.values ?? [];
  const behind = cursor
    ? sql`where g.last_at < ${at}::bigint or (g.last_at = ${at}::bigint and
        (g.name collate "C", g.digest collate "C") > (${name}::text collate "C", ${cursor.id}::text collate "C"))`
    : sql``;
  const query = sql<Found>`with read as (
      select d.*, r.started_at from ${sql.raw(schema)}.datasets d join ${sql.raw(schema)}.runs r on r.id = d.run
      where ${scope} and not r.deleted${named}),
    grouped as (
      select name, digest, max(logged_at) as last_at, count(*)::int as runs,
        (array_agg(run order by logged_at desc, run collate "C"))[1:${sql.raw(String(runsShownMax))}] as ids,
        (array_agg(run order by logged_at, run collate "C"))[1] as described,
        json_agg(distinct tags->>${contextTag}) filter (where tags->>${contextTag} is not null) as contexts
      from read group by name, digest)
    select g.name, g.digest, g.last_at as "loggedAt", g.runs as "runCount", g.ids, g.contexts, g.total,
      d.source_type as "sourceType", d.source, d.schema, d.profile, d.tags
    from (select g.*, (select count(*)::int from grouped) as total from grouped g ${behind}
      order by g.last_at desc, g.name collate "C", g.digest collate "C" limit ${first + 1}) g
    join read d on d.run = g.described and d.name = g.name and d.digest = g.digest
    order by g.last_at desc, g.name collate "C", g.digest collate "C"`;
  const { rows } = await query.execute(queries);
  // behind the last one nobody has counted
  const total =
    rows[0]?.total ??
    (cursor ? (await searchDatasets(queries, schema, { projects, match, first: 1, after: undefined })).totalCount : 0);
  const shown = rows.slice(0, first);
  return {
    rows: shown.map(({ ids, contexts, total: _, ...row }) => ({ ...row, runs: ids, contexts: contexts ?? [] })),
    cursors: shown.map((row) => printCursor(hash, { values: [row.loggedAt, row.name], id: row.digest })),
    hasNextPage: rows.length > first,
    totalCount: total,
  };
}

interface Found extends Omit<DatasetRow, 'runs' | 'contexts'> {
  readonly ids: readonly string[];
  readonly contexts: readonly string[] | null;
  readonly total: number;
}

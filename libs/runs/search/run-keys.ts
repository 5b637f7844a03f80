import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import { storableText } from '#libs/postgres/storable-text.js';
import type { RunKeyKind } from '../run-table.js';

/** Keys are looked for in so many runs, the newest: who fills in a form does not wait for all of a hundred thousand. */
const runsMax = 1_000;
const tables = { metrics: 'summaries', params: 'params', tags: 'tags' } as const satisfies Record<RunKeyKind, string>;

export async function runKeys(
  database: SqlDatabase,
  schema: string,
  asked: { project?: string | undefined; kind: RunKeyKind; match?: string | undefined; first: number },
): Promise<readonly string[]> {
  const rows = await database.query<{ key: string }>(
    `with newest as materialized (select id from ${schema}.runs r where visible and ($1::text is null or project = $1)
       order by started_at desc, id desc limit ${runsMax})
     select key from newest n join ${schema}.${tables[asked.kind]} t on t.run = n.id
     where strpos(lower(key), lower($2)) > 0 group by key order by count(*) desc, key limit $3`,
    [asked.project === undefined ? null : storableText(asked.project), storableText(asked.match ?? ''), asked.first],
  );
  return rows.map(({ key }) => key);
}

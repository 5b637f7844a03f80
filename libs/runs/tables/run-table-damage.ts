import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import { DamagedTables } from '#libs/postgres/sql-errors.js';
import { runTableNames } from './run-schema.js';

/**
 * What is wrong with the tables of a generation. A thorough look at an embedded database goes through each primary key to its rows: a page
 * that is not what was written, and one that is not there any more, are errors then, where a plain scan would just be shorter.
 */
export async function findRunTableDamage(
  database: SqlDatabase,
  generation: number,
  rest?: (busyMs: number) => Promise<void>,
): Promise<readonly string[]> {
  const schema = `runs_g${generation}`;
  const rows = await database.query<{ table: string }>(
    'select table_name as table from information_schema.tables where table_schema = $1',
    [schema],
  );
  const there = new Set(rows.map(({ table }) => table));
  const missing = runTableNames.filter((name) => !there.has(name));
  if (missing.length > 0) return missing.map((name) => `table ${schema}.${name} is missing`);
  // a server checks its own pages, and has tools for it
  if (!rest || !database.embedded) return [];
  const damage: string[] = [];
  for (const name of runTableNames) {
    const since = performance.now();
    try {
      await database.transaction(async (session) => {
        for (const way of ['seqscan', 'bitmapscan', 'indexonlyscan'])
          await session.query(`set local enable_${way} = off`);
        await session.query(`select count(t.*) from ${schema}.${name} t where ctid is not null`);
        const [key] = await session.query<{ column: string }>(
          `select a.attname as column from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
           where i.indrelid = '${schema}.${name}'::regclass and i.indisprimary`,
        );
        if (key)
          await session.query(`select count(t.*) from (select * from ${schema}.${name} order by "${key.column}") t`);
      });
    } catch (error) {
      if (!(error instanceof DamagedTables)) throw error;
      damage.push(`${schema}.${name}: ${error.message}`);
    }
    await rest(performance.now() - since);
  }
  return damage;
}

import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import { digestedTables, runMigrations, runTableNames } from './run-schema.js';
import { openPostgresRunTable } from '../reading/postgres-run-table.js';
import { openRunProjectionFamily } from '../folding/run-projection.js';
import { examples } from '../run-table.examples.js';

const snapshot = readFileSync(new URL('../test/run-tables-v1.sql', import.meta.url), 'utf8');

/** That tables of every earlier version are brought to the newest with what is in them. `open` gives an empty database. */
export function describeRunSchema(
  name: string,
  open: () => Promise<SqlDatabase & { script(text: string): Promise<void> }>,
): void {
  it(`${name}: run tables of version 1 become like new ones, keep their runs, and take the next event`, async () => {
    const database = await open();
    await database.script(snapshot);
    const family = await openRunProjectionFamily({ database });
    const live = await family.live();
    const table = openPostgresRunTable({ database, generations: () => family.generations() });
    expect(await table.run('kept')).toMatchObject({ project: 'vision', notes: 'from before', params: { lr: 0.1 } });
    expect((await table.summaries(['kept'])).get('kept')).toMatchObject([{ key: 'loss', last: 1 / 3, count: 3 }]);

    const partition = { topic: 'runs', partition: 1 } as const;
    const { epoch, position } = await live.claim(partition);
    expect(position).toBe(4);
    const log = examples();
    log.add('TagsSet', 'kept', { tags: { later: 'yes' } });
    const [records] = [...log.partitions().values()];
    const next = records!.map((record) => ({ ...record, partition: 1, offset: position }));
    expect(await live.apply({ partition, epoch, from: position, to: position + 1, records: next })).toBe('applied');
    expect((await table.run('kept'))!.tags).toMatchObject({ team: 'a', later: 'yes' });

    await family.openGeneration(2);
    const shape = async (schema: string): Promise<unknown> => {
      const columns = await database.query(
        `select table_name, column_name, data_type, is_nullable, collation_name from information_schema.columns
         where table_schema = $1 order by table_name, column_name`,
        [schema],
      );
      const indexes = await database.query<{ indexdef: string }>(
        'select indexdef from pg_indexes where schemaname = $1',
        [schema],
      );
      return [columns, indexes.map(({ indexdef }) => indexdef.replaceAll(schema, '_')).sort()];
    };
    expect(await shape('runs_g1')).toEqual(await shape('runs_g2'));
  });

  it(`${name}: traces of before are found by their runs`, async () => {
    const database = await open();
    await (await openRunProjectionFamily({ database })).live();
    const [, , , traceRuns] = runMigrations.map((step) => step('runs_g1'));
    const state = { metadata: { 'mlflow.sourceRun': 'b' }, runs: ['c', 'a'] };
    await database.script(`alter table runs_g1.traces drop column runs; drop index runs_g1.logged_models_run_idx;
      insert into runs_g1.traces values ('t', 'p', 1, true, false, '${JSON.stringify(state)}'), ('u', 'p', 1, true, false, '{"runs":[]}');
      ${traceRuns!.join(';')}`);
    expect(await database.query('select id, runs from runs_g1.traces order by id')).toEqual([
      { id: 't', runs: ['b', 'c', 'a'] },
      { id: 'u', runs: [] },
    ]);
  });

  it(`${name}: every table is compared by a rebuild in the order of its primary key, or is named as one that expires`, async () => {
    const database = await open();
    await (await openRunProjectionFamily({ database })).live();
    const keys = await database.query<{ name: string; key: string[] }>(
      `select c.relname as name, array(
         select a.attname::text from unnest(i.indkey) with ordinality as k(number, place)
         join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number order by k.place) as key
       from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indrelid = c.oid and i.indisprimary
       where n.nspname = 'runs_g1' and c.relkind = 'r'`,
    );
    expect(keys.map((row) => row.name).sort()).toEqual([...runTableNames].sort());
    const keyOf = new Map(keys.map((row) => [row.name, [...row.key].sort()]));
    for (const { table, key } of digestedTables) expect(keyOf.get(table), table).toEqual([...key].sort());
  });
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import type { Projection } from '#libs/projecting/projection.js';
import { openRunProjectionFamily } from './run-projection.js';
import { digestedTables, runTableNames } from '../tables/run-schema.js';

const schema = 'runs_g1';
/** Two different values of each type that a column has. */
const values: Readonly<Record<string, readonly [string, string]>> = {
  text: [`'a'`, `'b'`],
  bigint: ['1', '2'],
  integer: ['1', '2'],
  smallint: ['1', '2'],
  boolean: ['true', 'false'],
  json: [`'{"a":1}'`, `'{"a":2}'`],
  ARRAY: [`'{1}'`, `'{1,2}'`],
  'double precision': ['1', `'NaN'`],
};

describe('the digest of the run tables', () => {
  let database: PgliteDatabase;
  let projection: Projection;
  let columns: readonly { readonly table: string; readonly name: string; readonly type: string }[];
  beforeAll(async () => {
    database = (await openPgliteDatabase({ dir: null })).database;
    projection = await (await openRunProjectionFamily({ database })).live();
    columns = await database.query(
      `select table_name as "table", column_name as "name", data_type as "type" from information_schema.columns
       where table_schema = '${schema}' and is_generated = 'NEVER' order by table_name, ordinal_position`,
    );
  });
  afterAll(() => database.close());

  it('is about every table but what expires', () => {
    const expiring = ['verdicts', 'seen_ids'];
    const there = new Set(columns.map(({ table }) => table));
    expect(digestedTables.map(({ table }) => table).sort()).toEqual(
      [...there].filter((table) => !expiring.includes(table)).sort(),
    );
    expect(new Set(runTableNames)).toEqual(there);
  });

  it.each(digestedTables.map(({ table }) => table))('sees each value of a row of %s', async (table) => {
    const own = columns.filter((column) => column.table === table);
    const empty = await projection.digest();
    const list = own.map(({ name }) => `"${name}"`).join(', ');
    await database.query(
      `insert into ${schema}.${table} (${list}) values (${own.map(({ type }) => values[type]![0]).join(', ')})`,
    );
    const seen = new Map([
      [empty, 'no row'],
      [await projection.digest(), 'the row'],
    ]);
    for (const { name, type } of own) {
      await database.query(`update ${schema}.${table} set "${name}" = ${values[type]![1]}`);
      seen.set(await projection.digest(), name);
      await database.query(`update ${schema}.${table} set "${name}" = ${values[type]![0]}`);
    }
    expect([...seen.values()]).toEqual(['no row', 'the row', ...own.map(({ name }) => name)]);
    await database.query(`delete from ${schema}.${table}`);
    expect(await projection.digest()).toBe(empty);
  });
});

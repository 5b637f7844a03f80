import { storableJson } from '#libs/postgres/storable-json.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';

export interface BulkTable {
  readonly name: string;
  /** Column -> SQL type, keys first. */
  readonly columns: Readonly<Record<string, string>>;
  readonly key: readonly string[];
}

const plain = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

/** All rows in one statement, sorted by key so that concurrent transactions lock in one order. `merge` overrides the conflict part. */
export async function writeRows(
  session: SqlSession,
  schema: string,
  table: BulkTable,
  rows: readonly Readonly<Record<string, unknown>>[],
  merge?: string,
): Promise<void> {
  if (rows.length === 0) return;
  const names = Object.keys(table.columns).map((name) => `"${name}"`);
  const typed = Object.entries(table.columns).map(([name, type]) => `"${name}" ${type}`);
  const key = table.key.map((name) => `"${name}"`);
  const update = names.filter((name) => !key.includes(name)).map((name) => `${name} = excluded.${name}`);
  const conflict = merge ?? (update.length > 0 ? `do update set ${update.join(', ')}` : 'do nothing');
  await session.query(
    `insert into ${schema}.${table.name} as t (${names.join(', ')})
     select ${names.join(', ')} from json_to_recordset($1::json) as r(${typed.join(', ')}) order by ${key.join(', ')}
     on conflict (${key.join(', ')}) ${conflict}`,
    [storableJson(JSON.stringify(rows, plain))],
  );
}

import type { SqlDatabase } from './sql-database.js';

/** Any constant that nobody else locks with. */
const migrationLock = 7_171_001;

/** Any other constant: held while a store without transactions of its own is prepared. */
const preparationLock = 7_171_002;

/** One process of a deployment at a time. */
export async function withLock<T>(database: SqlDatabase, work: () => Promise<T>): Promise<T> {
  if (database.embedded) return work();
  return database.transaction(async (session) => {
    await session.query('select pg_advisory_xact_lock($1)', [preparationLock]);
    return work();
  });
}

/** Tables that outlive every generation. Forward only: a released entry is never edited, the next one is appended. */
const sharedMigrations: readonly (readonly string[])[] = [
  [
    `create table runstream.checkpoints (
       projection text not null, partition text not null, epoch bigint not null, position bigint not null,
       primary key (projection, partition))`,
    `create table runstream.dead_letters (
       projection text not null, partition text not null, "offset" bigint not null, reason text not null,
       key text not null, headers json not null, value text not null, appended_at bigint not null,
       primary key (projection, partition, "offset"))`,
    `create table runstream.generations (
       family text not null, generation int not null, live boolean not null, version int not null,
       primary key (family, generation))`,
  ],
  // while held nobody claims: tables of several processes are compared at one position
  [`alter table runstream.checkpoints add column held_until bigint not null default 0`],
  // what stores without transactions held, and who is busy mending one
  [
    'create table runstream.store_records (projection text primary key, record text not null)',
    'create table runstream.leases (name text primary key, holder text not null, until bigint not null)',
  ],
];

/** Nothing to write: a full disk or a read-only server is no reason not to start. */
async function upToDate(
  database: SqlDatabase,
  question: string,
  parameters: readonly unknown[],
  version: number,
): Promise<boolean> {
  try {
    const [row] = await database.query<{ version: number | null }>(question, parameters);
    return (row?.version ?? 0) >= version;
  } catch (error) {
    // no such schema, no such table
    if (['3F000', '42P01'].includes((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}

/** Brings the shared tables to this program's version; safe to run by several processes at once. */
export async function migrateShared(database: SqlDatabase): Promise<void> {
  if (await upToDate(database, 'select max(version) as version from runstream.migrations', [], sharedMigrations.length))
    return;
  await database.transaction(async (session) => {
    await session.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    await session.query('create schema if not exists runstream');
    await session.query('create table if not exists runstream.migrations (version int primary key)');
    const [row] = await session.query<{ version: number | null }>(
      'select max(version) as version from runstream.migrations',
    );
    for (let version = row?.version ?? 0; version < sharedMigrations.length; version++) {
      for (const statement of sharedMigrations[version]!) await session.query(statement);
      await session.query('insert into runstream.migrations values ($1)', [version + 1]);
    }
  });
}

/** Brings the tables of one generation to this program's version, creating its schema when there is none. */
export async function migrateGeneration(
  database: SqlDatabase,
  family: string,
  generation: number,
  steps: readonly ((schema: string) => readonly string[])[],
): Promise<void> {
  const schema = `${family}_g${generation}`;
  const kept = 'select version from runstream.generations where family = $1 and generation = $2';
  if (await upToDate(database, kept, [family, generation], steps.length)) return;
  await database.transaction(async (session) => {
    await session.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    const [row] = await session.query<{ version: number }>(
      'select version from runstream.generations where family = $1 and generation = $2',
      [family, generation],
    );
    if (!row) {
      // tables of which there is no record belong to checkpoints that are gone
      await session.query(`drop schema if exists ${schema} cascade`);
      await session.query(`create schema ${schema}`);
    }
    for (const step of steps.slice(row?.version ?? 0))
      for (const statement of step(schema)) await session.query(statement);
    await session.query(
      `insert into runstream.generations (family, generation, version, live)
       values ($1, $2, $3, not exists (select 1 from runstream.generations where family = $1))
       on conflict (family, generation) do update set version = excluded.version`,
      [family, generation, steps.length],
    );
  });
}

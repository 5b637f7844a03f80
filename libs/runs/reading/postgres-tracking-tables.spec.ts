import { afterAll, beforeAll } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { openPostgresTrackingTables } from './postgres-tracking-tables.js';
import { openRunProjectionFamily } from '../folding/run-projection.js';
import { describeTrackingTables } from '../tracking-tables.contract.js';

let database: PgliteDatabase;
beforeAll(async () => {
  database = (await openPgliteDatabase({ dir: null })).database;
});
afterAll(() => database.close());

describeTrackingTables('PGlite', async () => {
  await database.script(
    'drop schema if exists runstream cascade; drop schema if exists runs_g1 cascade; drop schema if exists runs_g2 cascade',
  );
  const family = await openRunProjectionFamily({ database });
  await family.live();
  return { family, tracking: openPostgresTrackingTables({ database, generations: () => family.generations() }) };
});

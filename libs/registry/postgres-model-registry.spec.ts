import { afterAll, beforeAll } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { openRunProjectionFamily } from '#libs/runs/folding/run-projection.js';
import { describeModelRegistry } from './model-registry.contract.js';
import { openPostgresModelRegistry } from './postgres-model-registry.js';

let database: PgliteDatabase;
beforeAll(async () => {
  database = (await openPgliteDatabase({ dir: null })).database;
});
afterAll(() => database.close());

describeModelRegistry('PGlite', async () => {
  await database.script(
    'drop schema if exists runstream cascade; drop schema if exists runs_g1 cascade; drop schema if exists runs_g2 cascade',
  );
  const family = await openRunProjectionFamily({ database });
  await family.live();
  return { family, registry: openPostgresModelRegistry({ database, generations: () => family.generations() }) };
});

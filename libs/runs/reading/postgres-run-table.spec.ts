import { afterAll, beforeAll } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { openPostgresRunTable } from './postgres-run-table.js';
import { openRunProjectionFamily } from '../folding/run-projection.js';
import { describeRunTable, type RunTables } from '../run-table.contract.js';
import { describeRunFacts } from '../run-table.facts.contract.js';
import { describeRunScopes } from '../run-table.scopes.contract.js';
import { describeGroupedRuns } from '../run-table.groups.contract.js';

let database: PgliteDatabase;
beforeAll(async () => {
  database = (await openPgliteDatabase({ dir: null })).database;
});
afterAll(() => database.close());

const open = async (): Promise<RunTables> => {
  await database.script(
    'drop schema if exists runstream cascade; drop schema if exists runs_g1 cascade; drop schema if exists runs_g2 cascade',
  );
  const family = await openRunProjectionFamily({ database });
  await family.live();
  return { family, table: openPostgresRunTable({ database, generations: () => family.generations() }) };
};
describeRunTable('PGlite', open);
describeRunFacts('PGlite', open);
describeRunScopes('PGlite', open);
describeGroupedRuns('PGlite', open);

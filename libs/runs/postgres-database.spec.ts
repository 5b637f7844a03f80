import { afterAll, beforeAll, describe } from 'vitest';
import { openPostgresRig, postgresMissing, type PostgresRig } from '../../test/rigs/postgres-rig.js';
import { openPostgresRunTable } from './postgres-run-table.js';
import { openRunProjectionFamily } from './run-projection.js';
import { describeRunTable, type RunTables } from './run-table.contract.js';
import { describeRunFacts } from './run-table.facts.contract.js';
import { PostgresDatabase } from '#libs/postgres/postgres-database.js';
import { describeProjectionFamily } from '#libs/projecting/projection.contract.js';
import { describeSqlDatabase } from '#libs/postgres/sql-database.contract.js';

describe.skipIf(postgresMissing() !== null)('PostgreSQL server (skipped where none is installed)', () => {
  let rig: PostgresRig;
  let database: PostgresDatabase;
  beforeAll(async () => {
    rig = await openPostgresRig();
    database = new PostgresDatabase({ url: await rig.database('runs') });
  });
  afterAll(async () => {
    await database?.close();
    await rig?.close();
  });

  describeSqlDatabase('PostgreSQL', async () => database);
  const open = async (): Promise<RunTables> => {
    await database.script(
      'drop schema if exists runstream cascade; drop schema if exists runs_g1 cascade; drop schema if exists runs_g2 cascade',
    );
    const family = await openRunProjectionFamily({ database });
    await family.live();
    return { family, table: openPostgresRunTable({ database, generations: () => family.generations() }) };
  };
  describeRunTable('PostgreSQL', open);
  describeRunFacts('PostgreSQL', open);
  let stores = 0;
  describeProjectionFamily('the run tables in PostgreSQL', async () => {
    const store = new PostgresDatabase({ url: await rig.database(`projection-${++stores}`) });
    return { family: await openRunProjectionFamily({ database: store }), close: () => store.close() };
  });
});

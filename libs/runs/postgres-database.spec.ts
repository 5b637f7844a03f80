import { afterAll, beforeAll, describe } from 'vitest';
import { describeModelRegistry, type OpenedRegistry } from '#libs/registry/model-registry.contract.js';
import { openPostgresModelRegistry } from '#libs/registry/postgres-model-registry.js';
import { openPostgresTrackingTables } from './reading/postgres-tracking-tables.js';
import { describeTrackingTables, type OpenedTracking } from './tracking-tables.contract.js';
import { openPostgresRig, postgresMissing, type PostgresRig } from '../../test/rigs/postgres-rig.js';
import { openPostgresRunTable } from './reading/postgres-run-table.js';
import { openRunProjectionFamily } from './folding/run-projection.js';
import { describeRunSchema } from './tables/run-schema.contract.js';
import { describeRunTable, type RunTables } from './run-table.contract.js';
import { describeRunFacts } from './run-table.facts.contract.js';
import { describeRunScopes } from './run-table.scopes.contract.js';
import { describeGroupedRuns } from './run-table.groups.contract.js';
import { PostgresDatabase } from '#libs/postgres/postgres-database.js';
import { describeProjectionFamily } from '#libs/projecting/projection.contract.js';
import { describeSqlDatabase } from '#libs/postgres/sql-database.contract.js';

describe.skipIf(postgresMissing() !== null)('PostgreSQL server (skipped where none is installed)', () => {
  let rig: PostgresRig;
  let database: PostgresDatabase;
  let earlier: PostgresDatabase | undefined;
  beforeAll(async () => {
    rig = await openPostgresRig();
    database = new PostgresDatabase({ url: await rig.database('runs') });
  });
  afterAll(async () => {
    await database?.close();
    await earlier?.close();
    await rig?.close();
  });

  describeSqlDatabase('PostgreSQL', async () => database);
  const open = async (): Promise<RunTables & OpenedTracking & OpenedRegistry> => {
    await database.script(
      'drop schema if exists runstream cascade; drop schema if exists runs_g1 cascade; drop schema if exists runs_g2 cascade',
    );
    const family = await openRunProjectionFamily({ database });
    await family.live();
    const tables = { database, generations: () => family.generations() };
    const [tracking, registry] = [openPostgresTrackingTables(tables), openPostgresModelRegistry(tables)];
    return { family, table: openPostgresRunTable(tables), tracking, registry };
  };
  describeRunSchema('PostgreSQL', async () => (earlier = new PostgresDatabase({ url: await rig.database('earlier') })));
  describeTrackingTables('PostgreSQL', open);
  describeModelRegistry('PostgreSQL', open);
  describeRunTable('PostgreSQL', open);
  describeRunFacts('PostgreSQL', open);
  describeRunScopes('PostgreSQL', open);
  describeGroupedRuns('PostgreSQL', open);
  let stores = 0;
  describeProjectionFamily('the run tables in PostgreSQL', async () => {
    const store = new PostgresDatabase({ url: await rig.database(`projection-${++stores}`) });
    return { family: await openRunProjectionFamily({ database: store }), close: () => store.close() };
  });
});

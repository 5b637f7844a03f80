import { afterAll, describe } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { describeRunSchema } from './run-schema.contract.js';

describe('migrations', () => {
  let database: PgliteDatabase;
  afterAll(() => database.close());
  describeRunSchema('PGlite', async () => (database = (await openPgliteDatabase({ dir: null })).database));
});

import { openPgliteDatabase } from '#libs/postgres/pglite-database.js';
import { describeProjectionFamily } from '#libs/projecting/projection.contract.js';
import { openRunProjectionFamily } from './run-projection.js';

describeProjectionFamily('the run tables', async () => {
  const { database } = await openPgliteDatabase({ dir: null });
  return { family: await openRunProjectionFamily({ database }), close: () => database.close() };
});

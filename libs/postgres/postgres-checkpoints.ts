import type { Checkpoints } from '#libs/projecting/checkpoints.js';
import {
  claimPartition,
  holdPartitions,
  moveCheckpoint,
  readCheckpoints,
  storeDeadLetters,
} from './checkpoint-rows.js';
import type { SqlDatabase } from './sql-database.js';

/** Checkpoints of other stores' projections, beside the run tables. The shared tables must exist (`migrateShared`). */
export function createPostgresCheckpoints(database: SqlDatabase): Checkpoints {
  return {
    claim: (projection, partition) => claimPartition(database, projection, partition),
    advance: (projection, partition, move) =>
      database.transaction(async (session) => {
        const outcome = await moveCheckpoint(session, projection, partition, move);
        if (outcome !== 'moved') return outcome;
        await storeDeadLetters(session, move.deadLetters);
        return 'applied';
      }),
    hold: (projection, leaseMs) => holdPartitions(database, projection, leaseMs),
    all: (projection) => readCheckpoints(database, projection),
    remove: (projection) =>
      database.transaction(async (session) => {
        await session.query('delete from runstream.checkpoints where projection = $1', [projection]);
        await session.query('delete from runstream.dead_letters where projection = $1', [projection]);
      }),
  };
}

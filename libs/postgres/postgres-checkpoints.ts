import type { Checkpoints } from '#libs/projecting/checkpoints.js';
import {
  claimPartition,
  holdPartitions,
  moveCheckpoint,
  nowMs,
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
        await session.query('delete from runstream.store_records where projection = $1', [projection]);
      }),
    remember: async (projection, record) => {
      await database.query(
        `insert into runstream.store_records (projection, record) values ($1, $2)
         on conflict (projection) do update set record = excluded.record`,
        [projection, record],
      );
    },
    remembered: async (projection) => {
      const sql = 'select record from runstream.store_records where projection = $1';
      return (await database.query<{ record: string }>(sql, [projection]))[0]?.record ?? null;
    },
    names: async (beginning) => {
      const sql =
        'select distinct projection from runstream.checkpoints where starts_with(projection, $1) order by projection';
      return (await database.query<{ projection: string }>(sql, [beginning])).map(({ projection }) => projection);
    },
    lease: async (name, holder, leaseMs) => {
      const rows = await database.query(
        `insert into runstream.leases as l (name, holder, until) values ($1, $2, ${nowMs} + $3)
         on conflict (name) do update set holder = excluded.holder, until = excluded.until
           where l.until <= ${nowMs} or l.holder = excluded.holder returning 1 as taken`,
        [name, holder, leaseMs],
      );
      return rows.length > 0;
    },
  };
}

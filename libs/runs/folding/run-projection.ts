import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import { createHash } from 'node:crypto';
import { partitionName } from '#libs/domain/position-token.js';
import type { PartitionId } from '#libs/log/event-log.js';
import {
  claimPartition,
  holdPartitions,
  moveCheckpoint,
  readCheckpoints,
  storeDeadLetters,
} from '#libs/postgres/checkpoint-rows.js';
import { createPostgresCheckpoints } from '#libs/postgres/postgres-checkpoints.js';
import { migrateGeneration, migrateShared } from '#libs/postgres/migrations.js';
import type { SqlDatabase, SqlSession } from '#libs/postgres/sql-database.js';
import type { ApplyOutcome, Claim, ProjectedBatch, Projection, ProjectionFamily } from '#libs/projecting/projection.js';
import { applyCatalog } from './apply-catalog.js';
import { applyRuns } from './apply-runs.js';
import { applyTelemetry } from './apply-telemetry.js';
import { readBatch, type ReadRecord } from './read-batch.js';
import { findRunTableDamage } from '../tables/run-table-damage.js';
import { digestedTables, runMigrations } from '../tables/run-schema.js';
import type { VerdictRows } from './verdict-rows.js';

const family = 'runs';
const topics = ['catalog', 'runs', 'telemetry'] as const;
/** Columns of primary keys that are no text. */
const numbers: ReadonlySet<string> = new Set(['attempt', 'version', 'step', 'time_ms', 'value']);
/** An embedded database has no autovacuum: statistics and dead rows are seen to after this many applied records. */
const maintainAfterRecords = 20_000;

export interface VerdictListener {
  publish(verdicts: VerdictRows['byEvent']): void;
}

export interface RunProjectionOptions {
  readonly database: SqlDatabase;
  /** Told of verdicts when they are committed. */
  readonly board?: VerdictListener | undefined;
}

/** What PostgreSQL says of a table that is not there. */
const noSuchTable = '42P01';

/** Which generation of the run tables is live; `Unavailable` where no projector has made any yet. */
export async function readRunGenerations(database: SqlDatabase): Promise<{ live: number; all: number[] }> {
  try {
    const rows = await database.query<{ generation: number; live: boolean }>(
      'select generation, live from runstream.generations where family = $1 order by generation',
      [family],
    );
    return { live: rows.find(({ live }) => live)?.generation ?? 1, all: rows.map(({ generation }) => generation) };
  } catch (error) {
    if ((error as { code?: string }).code !== noSuchTable) throw error;
    throw new Unavailable('the run tables are not there yet: a projector makes them when it starts', 1_000);
  }
}

/** The run tables as a family of generations; brings the shared tables up to date. */
export async function openRunProjectionFamily({ database, board }: RunProjectionOptions): Promise<ProjectionFamily> {
  await migrateShared(database);
  // once in a process: it takes a lock that every process waits for
  const migrated = new Set<number>();
  const openGeneration = async (generation: number): Promise<Projection> => {
    if (!migrated.has(generation)) await migrateGeneration(database, family, generation, runMigrations);
    migrated.add(generation);
    return new RunProjection(generation, database, board);
  };
  const generations = (): ReturnType<typeof readRunGenerations> => readRunGenerations(database);
  return {
    name: family,
    topics,
    openGeneration,
    generations,
    damage: async (rest) => findRunTableDamage(database, (await generations()).live, rest),
    lease: (holder, leaseMs) => createPostgresCheckpoints(database).lease('runs are mended', holder, leaseMs),
    checkpointsOf: (generation) => readCheckpoints(database, `${family}@${generation}`),
    live: async () => openGeneration((await generations()).live),
    switchTo: async (generation) => {
      const rows = await database.query<{ generation: number; live: boolean }>(
        `update runstream.generations set live = (generation = $2) where family = $1
         and exists (select 1 from runstream.generations where family = $1 and generation = $2) returning 1 as changed`,
        [family, generation],
      );
      if (rows.length === 0) throw new Error(`runs generation ${generation} does not exist; open it first`);
    },
    drop: async (generation) => {
      await dropGeneration(database, generation);
      migrated.delete(generation);
    },
  };
}

async function dropGeneration(database: SqlDatabase, generation: number): Promise<void> {
  await database.transaction(async (session) => {
    const rows = await session.query<{ live: boolean }>(
      'select live from runstream.generations where family = $1 and generation = $2 for update',
      [family, generation],
    );
    if (rows[0]?.live)
      throw new Rejection(
        'INVALID_ARGUMENT',
        `runs generation ${generation} is live and can't be dropped; switch to another one first`,
        'generation',
      );
    const name = `${family}@${generation}`;
    await session.query(`drop schema if exists ${family}_g${generation} cascade`);
    await session.query('delete from runstream.generations where family = $1 and generation = $2', [
      family,
      generation,
    ]);
    await session.query('delete from runstream.checkpoints where projection = $1', [name]);
    await session.query('delete from runstream.dead_letters where projection = $1', [name]);
  });
}

class RunProjection implements Projection {
  readonly name = family;
  readonly topics = topics;
  private readonly schema: string;
  private readonly checkpointName: string;
  private recordsSinceMaintenance = 0;

  constructor(
    readonly generation: number,
    private readonly database: SqlDatabase,
    private readonly board: VerdictListener | undefined,
  ) {
    this.schema = `${family}_g${generation}`;
    this.checkpointName = `${family}@${generation}`;
  }

  claim(partition: PartitionId): Promise<Claim> {
    return claimPartition(this.database, this.checkpointName, partition);
  }

  hold(leaseMs: number): Promise<ReadonlyMap<string, Claim>> {
    return holdPartitions(this.database, this.checkpointName, leaseMs);
  }

  async apply(batch: ProjectedBatch): Promise<ApplyOutcome> {
    // before the transaction: a failure after the commit would make the caller repeat an applied batch
    await this.maintain(batch.records.length);
    const { records, deadLetters } = readBatch(this.checkpointName, batch);
    const outcome = await this.database.transaction(async (session) => {
      const moved = await moveCheckpoint(session, this.checkpointName, batch.partition, batch);
      if (moved !== 'moved') return moved;
      await storeDeadLetters(session, deadLetters);
      return this.write(session, batch, records);
    });
    if (typeof outcome === 'string') return outcome;
    if (outcome) this.board?.publish(outcome.byEvent);
    return 'applied';
  }

  async digest(): Promise<string> {
    const hash = createHash('sha256');
    for (const { table, key } of digestedTables) {
      const [row] = await this.database.query<{ digest: string | null }>(
        `select md5(string_agg(md5(t::text), '' order by ${key.map((name) => `"${name}"${numbers.has(name) ? '' : ' collate "C"'}`).join(', ')})) as digest from ${this.schema}.${table} t`,
      );
      hash.update(`${table} ${row?.digest ?? 'empty'}\n`);
    }
    return hash.digest('hex');
  }

  checkpoints(): Promise<ReadonlyMap<string, number>> {
    return readCheckpoints(this.database, this.checkpointName);
  }

  private async write(
    session: SqlSession,
    batch: ProjectedBatch,
    records: readonly ReadRecord[],
  ): Promise<VerdictRows | null> {
    const partition = partitionName(batch.partition.topic, batch.partition.partition);
    switch (batch.partition.topic) {
      case 'catalog':
        return applyCatalog(session, this.schema, partition, records);
      case 'runs':
        return applyRuns(session, this.schema, partition, records);
      case 'telemetry':
        await applyTelemetry(session, this.schema, partition, records);
        return null;
    }
  }

  private async maintain(records: number): Promise<void> {
    if (!this.database.embedded) return;
    this.recordsSinceMaintenance += records;
    if (this.recordsSinceMaintenance < maintainAfterRecords) return;
    this.recordsSinceMaintenance = 0;
    for (const table of ['runs', 'run_states', 'params', 'tags', 'seqs', 'liveness', 'summaries'])
      await this.database.script(`vacuum analyze ${this.schema}.${table}`);
  }
}

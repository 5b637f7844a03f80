import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { Configuration } from '#libs/config/configuration.js';
import type { EventLog } from '#libs/log/event-log.js';
import { openPointsProjectionFamily } from '#libs/metrics/writing/points-projection-family.js';
import type { Logger } from '#libs/observability/logger.js';
import type { Notices } from '#libs/observability/notices.js';
import { withLock } from '#libs/postgres/migrations.js';
import { createPostgresCheckpoints } from '#libs/postgres/postgres-checkpoints.js';
import type { PostgresSignals } from '#libs/postgres/postgres-signals.js';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import { Progress } from '#libs/projecting/progress.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';
import { openRunProjectionFamily } from '#libs/runs/folding/run-projection.js';
import type { VerdictBoard } from '#libs/runs/verdict-board.js';
import { patiently, type Patience } from './patiently.js';
import { watchProgress } from './progress-watch.js';
import { startOverIfAhead } from './store-check.js';

export interface ProjectionParts {
  readonly configuration: Configuration;
  readonly log: EventLog;
  readonly database: SqlDatabase;
  readonly client: ClickHouseClient;
  readonly board: VerdictBoard;
  /** Null where one process does everything. */
  readonly signals: PostgresSignals | null;
  readonly randomHex: () => string;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly notices: Notices;
}

/** How long a log that several processes share has to stay behind the tables until that is believed. */
const sharedAheadMs = 30_000;

/** The families of this process; makes or migrates their tables. A process that only takes events in needs no tables to do so. */
export async function openFamilies(parts: ProjectionParts): Promise<readonly ProjectionFamily[]> {
  const { configuration, log, database, client, board, signals, randomHex, logger, patience, notices } = parts;
  const { roles } = configuration;
  if (signals && !roles.includes('projector') && !roles.includes('gateway')) return [];
  const published = (verdicts: Parameters<VerdictBoard['publish']>[0]): void => {
    board.publish(verdicts);
    signals?.tellVerdicts([...verdicts.keys()]);
  };
  const runs = await patiently('the run tables', patience, () =>
    openRunProjectionFamily({ database, board: { publish: published } }),
  );
  const checkpoints = createPostgresCheckpoints(database);
  const onReplaced = (): void => {
    const detail = 'its tables are gone, or it is another store than before; it is filled anew from the log';
    logger.warn('the metric store is empty', { detail });
    notices.put('the metric store, empty', detail);
  };
  // a store without transactions is prepared by one process at a time
  const points = await patiently('the metric tables', patience, () =>
    withLock(database, () => openPointsProjectionFamily({ client, checkpoints, randomHex, onReplaced })),
  );
  const families = [runs, points];
  if (roles.includes('projector'))
    for (const family of families)
      await patiently('the stored positions', patience, () =>
        startOverIfAhead(log, family, {
          logger,
          believedAfterMs: signals ? sharedAheadMs : 0,
          onMissing: (projection, detail) => notices.put(`${projection}: missing in the log`, detail),
        }),
      );
  return families;
}

/** How far projections are; with signals also those of other processes, once this has resolved. */
export async function openProgress(
  { signals, board, logger }: Pick<ProjectionParts, 'signals' | 'board' | 'logger'>,
  families: readonly ProjectionFamily[],
): Promise<{ readonly progress: Progress; readonly close: () => Promise<void> }> {
  if (!signals) return { progress: new Progress(), close: () => Promise.resolve() };
  const progress = new Progress({
    moved: (...moved) => signals.tellMoved(...moved),
    wanted: (...wanted) => signals.tellWanted(...wanted),
    looked: () => signals.tellLooked(),
  });
  const watch = watchProgress(families, progress, logger);
  signals.listen({
    moved: (...moved) => progress.observed(...moved),
    wanted: (...wanted) => progress.want(...wanted),
    looked: () => progress.lookedAt(),
    verdicts: (eventIds) => board.nudge(eventIds),
    listening: () => void watch.look(),
  });
  await watch.look();
  return { progress, close: () => watch.close() };
}

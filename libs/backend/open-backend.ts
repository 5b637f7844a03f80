import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDiskArtifactStore } from '#libs/artifacts/disk-artifact-store.js';
import type { ArtifactStore } from '#libs/artifacts/artifact-store.js';
import { checkClickHouse } from '#libs/clickhouse/clickhouse-check.js';
import { openClickHouseClient, type ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { readClickHouseUrl } from '#libs/clickhouse/clickhouse-url.js';
import { openClickHouseEngine } from '#libs/clickhouse/clickhouse-engine.js';
import { ConfigurationError, type Configuration } from '#libs/config/configuration.js';
import { LogTail } from '#libs/live/log-tail.js';
import { MetricFrames } from '#libs/live/metric-frames.js';
import type { EventLog } from '#libs/log/event-log.js';
import type { LogDamage } from '#libs/log/segment/log-ends.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';
import { viewNames } from '#libs/metrics/tables/clickhouse-schema.js';
import { createClickHouseMetricStore } from '#libs/metrics/reading/clickhouse-metric-store.js';
import { openSqlDoor } from '#libs/metrics/sql/sql-door.js';
import type { Logger } from '#libs/observability/logger.js';
import { Notices } from '#libs/observability/notices.js';
import { openPgliteDatabase } from '#libs/postgres/pglite-database.js';
import type { PostgresSignals } from '#libs/postgres/postgres-signals.js';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';
import { Filler } from '#libs/projecting/rebuild.js';
import { openPostgresModelRegistry } from '#libs/registry/postgres-model-registry.js';
import { openPostgresTrackingTables } from '#libs/runs/reading/postgres-tracking-tables.js';
import { openPostgresRunTable } from '#libs/runs/reading/postgres-run-table.js';
import { readRunGenerations } from '#libs/runs/folding/run-projection.js';
import { VerdictBoard } from '#libs/runs/verdict-board.js';
import type { Backend, BrokenTables } from './backend.js';
import { createNextStep } from './next-step.js';
import { openFamilies, openProgress } from './open-projections.js';
import { commandPatienceMs, patiently, type Patience } from './patiently.js';
import { createSnapshot } from './snapshot.js';
import { logEnds } from './store-check.js';

export interface OpenedBackend extends Backend {
  /** Applies everything in the log to one family, for commands that run without a projector. */
  catchUp(family: string): Promise<void>;
  hasApiKeys(): Promise<boolean>;
  /** Who is told when a part fails for a reason that waiting can't mend. */
  onFailure(handler: (what: string, error: unknown) => void): void;
}

export interface BackendOptions {
  readonly clock: () => number;
  readonly logger: Logger;
  /** For how long what is not there yet is waited for; absent: as long as a command should. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
  readonly onWaiting?: (what: string, reason: string | null) => void;
  /** Told when what takes longest is under way in threads and processes of its own, or elsewhere. */
  readonly onSpawned?: () => void;
}

const verdictTimeoutMs = 10_000;
const randomHex = (): string => randomBytes(16).toString('hex');

/** Opens every port of the configuration; what was opened is closed again when a later one fails. */
export async function openBackend(
  configuration: Configuration,
  { clock, logger, patienceMs = commandPatienceMs, signal, onWaiting, onSpawned }: BackendOptions,
): Promise<OpenedBackend> {
  const notices = new Notices(clock);
  let broken: (tables: BrokenTables) => void = () => undefined;
  const onBroken = (tables: BrokenTables): void => broken(tables);
  const patience: Patience = { logger, patienceMs, signal, onWaiting };
  const opened: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    // each of them though another failed: the log comes last and must be sealed
    const failures: unknown[] = [];
    for (const close of opened.splice(0).reverse()) await close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  let fail = (what: string, error: unknown): void => logger.error(what, { error });
  try {
    const log = await patiently('the log', patience, () =>
      openLog(configuration, clock, (damage) => sayDamage(damage, logger, notices)),
    );
    opened.push(() => log.close());
    const watchers = { notices, onBroken, onSpawned: countdown(2, onSpawned) };
    // the slow ones side by side: start time is what a person waits for
    const [database, metrics] = await Promise.all([
      patiently('the run tables', patience, () => openRuns(configuration, logger, watchers)).then((runs) => {
        opened.push(() => runs.close());
        return runs;
      }),
      openMetrics(configuration, patience, watchers).then((engine) => {
        opened.push(() => engine.close());
        return engine;
      }),
    ]);
    const artifacts = await patiently('the artifact store', patience, () => openArtifacts(configuration, clock));
    opened.push(() => artifacts.close());
    const board = new VerdictBoard();
    const signals = await openSignals(configuration, database);
    if (signals) opened.push(() => signals.close());
    const parts = {
      configuration,
      log,
      database,
      client: metrics.client,
      board,
      signals,
      randomHex,
      logger,
      patience,
      notices,
    };
    const families = await openFamilies(parts);
    const tables = { database, generations: () => readRunGenerations(database) };
    const runTable = openPostgresRunTable(tables);
    const metricStore = createClickHouseMetricStore({ client: metrics.client, now: () => performance.now() });
    const { progress, close: closeProgress } = await openProgress(parts, families);
    opened.push(closeProgress);
    const tail = new LogTail(log, (error) => fail('the tail of the log', error));
    return {
      configuration,
      log,
      runTable,
      tracking: openPostgresTrackingTables(tables),
      registry: openPostgresModelRegistry(tables),
      metricStore,
      sqlDoor: metrics.sqlDoor,
      artifactStore: artifacts.store,
      families,
      progress,
      tail,
      frames: new MetricFrames(log, tail, createSnapshot(metricStore, progress)),
      verdict: (eventId) => board.wait(eventId, (id) => runTable.verdict(id), { timeoutMs: verdictTimeoutMs }),
      nextStep: createNextStep(log, runTable, progress),
      shared: signals !== null,
      notices,
      clock,
      newId: randomUUID,
      close: closeAll,
      catchUp: async (name) => {
        const family = families.find((candidate) => candidate.name === name);
        if (!family) throw new Error(`there is no projection "${name}"`);
        if (signals && (await reached(log, family))) return;
        const filler = await Filler.open(log, await family.live(), { signal: new AbortController().signal });
        await filler.fillTo(await logEnds(log, family.topics));
      },
      hasApiKeys: async () => (await runTable.apiKeys()).length > 0,
      onFailure: (handler) => (fail = handler),
      onBrokenTables: (handler) => (broken = handler),
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function countdown(count: number, done: (() => void) | undefined): () => void {
  let left = count;
  return () => {
    if (--left === 0) done?.();
  };
}

/** An address as its adapter reads it, or what is wrong with it. */
function readAddress<T>(setting: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigurationError(`${setting}: ${(error as Error).message}`);
  }
}

/** Whether projectors of other processes have applied all that is in the log as of now, within a few seconds. */
async function reached(log: EventLog, family: ProjectionFamily): Promise<boolean> {
  const ends = await logEnds(log, family.topics);
  for (let tries = 0; tries < 25; tries++) {
    const positions = await (await family.live()).checkpoints();
    if ([...ends].every(([name, end]) => (positions.get(name) ?? 0) >= end)) return true;
    await sleep(200);
  }
  return false;
}

// Drivers of servers are loaded when an address asks for one: they would be a tenth of the start of the embedded program.

function sayDamage({ message, fields }: LogDamage, logger: Logger, notices: Notices): void {
  logger.error(message, fields);
  const told = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`);
  notices.put(`the log, ${String(fields['file'] ?? fields['partition'])}`, `${message} (${told.join(', ')})`);
}

async function openLog(
  { log, logPartitions }: Configuration,
  clock: () => number,
  onDamage: (damage: LogDamage) => void,
): Promise<EventLog> {
  const partitions = { catalog: 1, runs: logPartitions, telemetry: logPartitions };
  switch (log.kind) {
    case 'file':
      return openSegmentEventLog({ dir: log.dir, partitions, clock, onDamage });
    case 'kafka': {
      const { openKafkaEventLog } = await import('#libs/log/kafka/kafka-event-log.js');
      const { readKafkaUrl } = await import('#libs/log/kafka/kafka-client.js');
      const address = readAddress('RUNSTREAM_LOG', () => readKafkaUrl(log.url));
      const clientId = `${hostname()}-${process.pid}-${randomHex().slice(0, 6)}`;
      return openKafkaEventLog({ address, partitions, clientId });
    }
  }
}

async function openRuns(
  { runs }: Configuration,
  logger: Logger,
  { notices, onBroken, onSpawned }: TableWatchers,
): Promise<SqlDatabase> {
  switch (runs.kind) {
    case 'pglite': {
      const { database, cleanStop, damaged } = await openPgliteDatabase({
        dir: runs.dir,
        onDamaged: (damage) => onBroken({ projection: 'runs', damage }),
        onSpawned,
      });
      if (damaged !== null) {
        logger.warn('the run tables did not open; they are rebuilt from the log', { movedTo: damaged });
        notices.put(
          'the run tables',
          `they did not open and are made again from the log; what was there is in ${damaged}`,
        );
      }
      if (damaged === null && !cleanStop)
        logger.info('the run tables were not closed cleanly; they are checked against the log');
      return database;
    }
    case 'postgres': {
      onSpawned();
      const { PostgresDatabase } = await import('#libs/postgres/postgres-database.js');
      return new PostgresDatabase({ url: runs.url });
    }
  }
}

/** How processes that share a server tell each other; null where there is one process. */
async function openSignals({ runs }: Configuration, database: SqlDatabase): Promise<PostgresSignals | null> {
  if (runs.kind !== 'postgres') return null;
  const { PostgresSignals } = await import('#libs/postgres/postgres-signals.js');
  return new PostgresSignals(runs.url, database);
}

interface OpenedMetrics {
  readonly client: ClickHouseClient;
  readonly sqlDoor: Backend['sqlDoor'];
  close(): Promise<void>;
}

interface TableWatchers {
  readonly notices: Notices;
  readonly onBroken: (tables: BrokenTables) => void;
  readonly onSpawned: () => void;
}

async function openMetrics(
  { metrics, roles }: Configuration,
  patience: Patience,
  { notices, onBroken: onBrokenTables, onSpawned }: TableWatchers,
): Promise<OpenedMetrics> {
  const onBroken = (damage: string | null): void => onBrokenTables({ projection: 'points', damage });
  switch (metrics.kind) {
    case 'chdb': {
      const onChange = ({ state, detail }: { state: string; detail: string }): void =>
        patience.logger[state === 'up' ? 'info' : 'warn'](`metric engine ${state}`, { detail });
      const onDamaged = (movedTo: string, reason: string): void => {
        patience.logger.warn('the metric store did not open; it is made again from the log', { movedTo, reason });
        notices.put(
          'the metric store',
          `it did not open and is made again from the log; what was there is in ${movedTo}`,
        );
      };
      const engine = await patiently('the metric engine', patience, () =>
        openClickHouseEngine({ dir: metrics.dir, randomHex, views: viewNames, onChange, onDamaged, onSpawned }),
      );
      const client = openClickHouseClient({ address: () => engine.address('app'), onBroken });
      const sqlDoor = openSqlDoor({ address: () => engine.address('sql'), embedded: true });
      return {
        client,
        sqlDoor,
        close: async () => {
          await client.close();
          await engine.close();
        },
      };
    }
    case 'clickhouse': {
      onSpawned();
      const { address, sql, placement } = readAddress('RUNSTREAM_METRICS', () => readClickHouseUrl(metrics.url));
      const client = openClickHouseClient({ address: () => address, placement, onBroken });
      try {
        // ingest never touches it: it starts without it
        if (roles.some((role) => role !== 'ingest'))
          await patiently('ClickHouse', patience, () => checkClickHouse(client, placement));
      } catch (error) {
        await client.close();
        throw error;
      }
      return {
        client,
        sqlDoor: openSqlDoor({ address: sql && (() => sql), embedded: false }),
        close: () => client.close(),
      };
    }
  }
}

async function openArtifacts(
  { artifacts, artifactsBytesMax, roles }: Configuration,
  clock: () => number,
): Promise<{ store: ArtifactStore; close(): Promise<void> }> {
  // the other roles never touch it
  switch (artifacts.kind) {
    case 'file': {
      const store = await openDiskArtifactStore({
        dir: artifacts.dir,
        clock,
        spaceBytesMax: artifactsBytesMax,
        owned: roles.includes('gateway'),
      });
      return { store, close: () => Promise.resolve() };
    }
    case 's3': {
      const { openMinioArtifactStore } = await import('#libs/artifacts/minio-artifact-store.js');
      const store = await openMinioArtifactStore({
        address: artifacts.address,
        clock,
        randomHex,
        check: roles.includes('gateway'),
      });
      return { store, close: () => Promise.resolve(store.close()) };
    }
  }
}

import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import type { Event, Topic } from '#libs/domain/event.js';
import { Unreadable } from '#libs/domain/rejection.js';
import { readValidEvent } from '#libs/log/event-record.js';
import type { PartitionId } from '#libs/log/event-log.js';
import type { Checkpoints } from '#libs/projecting/checkpoints.js';
import type { ApplyOutcome, Claim, DeadLetter, ProjectedBatch, Projection } from '#libs/projecting/projection.js';
import { tableOf, type TableName } from '../tables/clickhouse-schema.js';
import { LineColumns } from './line-columns.js';
import { MediaColumns } from './media-columns.js';
import { PointBatch, type BatchGroup } from './point-batch.js';
import { encodePoints } from './points-columns.js';
import { digestTables } from '../tables/points-digest.js';
import { findRewritten } from './rewritten-series.js';
import { RunFacts } from './run-facts.js';
import { SeriesRegistry } from './series-registry.js';
import { Slots } from './slots.js';
import { spanRows } from './span-columns.js';
import { findSuperseded, type SupersededRows } from './superseded-points.js';

export const pointsTopics: readonly Topic[] = ['runs', 'telemetry'];

export interface PointsProjectionOptions {
  readonly client: ClickHouseClient;
  readonly checkpoints: Checkpoints;
  readonly generation: number;
  /** Of this generation's tables: another store has another marker, so its checkpoints start anew. */
  readonly marker: string;
  readonly seriesMax?: number;
}

/** Another store's tables have another marker, so their checkpoints are others. */
export const checkpointNameOf = ({ generation, marker }: { generation: number; marker: string }): string =>
  `points@${generation}:${marker}`;

/** Batches of different partitions written at once: while the engine takes one, the next is encoded. Each may take tens of MB. */
const batchesInFlightMax = 2;

/**
 * Points, console lines and the directory of runs in ClickHouse. The store has no transactions: rows are the same whenever they are
 * written, and the checkpoint moves after the store's ack.
 */
export class PointsProjection implements Projection {
  readonly name = 'points';
  readonly topics = pointsTopics;
  readonly generation: number;
  readonly checkpointName: string;
  readonly #client: ClickHouseClient;
  readonly #checkpoints: Checkpoints;
  readonly #registry: SeriesRegistry;
  readonly #slots: Slots = new Slots(batchesInFlightMax);

  constructor(options: PointsProjectionOptions) {
    this.generation = options.generation;
    this.checkpointName = checkpointNameOf(options);
    this.#client = options.client;
    this.#checkpoints = options.checkpoints;
    this.#registry = new SeriesRegistry(options.client, options.generation, options.seriesMax ?? 1_000_000);
  }

  claim(partition: PartitionId): Promise<Claim> {
    // another process may have written to the partition since
    this.#registry.forget();
    return this.#checkpoints.claim(this.checkpointName, partition);
  }

  hold(leaseMs: number): Promise<ReadonlyMap<string, Claim>> {
    return this.#checkpoints.hold(this.checkpointName, leaseMs);
  }

  apply(batch: ProjectedBatch): Promise<ApplyOutcome> {
    return this.#slots.use(() => this.#apply(batch));
  }

  checkpoints(): Promise<ReadonlyMap<string, number>> {
    return this.#checkpoints.all(this.checkpointName);
  }

  digest(): Promise<string> {
    return digestTables(this.#client, this.generation);
  }

  async #apply(batch: ProjectedBatch): Promise<ApplyOutcome> {
    const { events, deadLetters } = this.#read(batch);
    try {
      await this.#write(batch, events, deadLetters);
    } catch (error) {
      this.#registry.forget();
      throw error;
    }
    const { partition, epoch, from, to } = batch;
    const result = await this.#checkpoints.advance(this.checkpointName, partition, { epoch, from, to, deadLetters });
    if (result !== 'applied') this.#registry.forget();
    return result;
  }

  #read(batch: ProjectedBatch): { events: { event: Event; index: number }[]; deadLetters: DeadLetter[] } {
    const events: { event: Event; index: number }[] = [];
    const deadLetters: DeadLetter[] = [];
    batch.records.forEach((record, index) => {
      try {
        events.push({ event: readValidEvent(record), index });
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        deadLetters.push(this.#deadLetter(batch, index, error));
      }
    });
    return { events, deadLetters };
  }

  #deadLetter(batch: ProjectedBatch, index: number, error: Unreadable): DeadLetter {
    const record = batch.records[index]!;
    return {
      ...batch.partition,
      projection: this.checkpointName,
      offset: record.offset,
      reason: error.message,
      record,
    };
  }

  async #write(
    batch: ProjectedBatch,
    events: readonly { event: Event; index: number }[],
    deadLetters: DeadLetter[],
  ): Promise<void> {
    const points = new PointBatch(this.#registry);
    const lines = new LineColumns();
    const media = new MediaColumns();
    const facts = new RunFacts();
    await this.#loadRegistry(ranksOf(events.map(({ event }) => event)));
    const named = new Set<string>();
    for (const { event, index } of events) {
      try {
        if (event.name === 'PointsLogged') points.add(event);
        else if (event.name === 'LinesLogged') lines.add(event);
        else if (event.name === 'ValuesLogged') media.add(event, points);
        else facts.add(event, batch.records[index]!.offset);
        if (namesItsRun(event)) named.add(event.subject);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        deadLetters.push(this.#deadLetter(batch, index, error));
      }
    }
    for (const id of named) if (!this.#registry.run(id).named) facts.seen(id);
    // marks before points: once an old version is merged away nobody could tell that there was one
    const [rewritten, superseded] = await Promise.all([
      findRewritten(this.#client, this.generation, points),
      findSuperseded(this.#client, this.generation, points),
    ]);
    await this.#insert('rewritten', rewritten.length, () => seriesColumns(rewritten));
    for (const told of facts.attempts) points.attempts.add(told);
    await this.#insertAll(points, superseded, { lines, media }, facts);
    for (const group of rewritten) group.state.rewritten = true;
    for (const group of points.groups) group.state.stored = true;
    for (const id of named) this.#registry.run(id).named = true;
  }

  /** When this has returned, what the registry says of these ranks is what is stored, until the next await. */
  async #loadRegistry(ranks: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
    this.#registry.trim();
    for (let known = Number.NaN; known !== this.#registry.forgotten;) {
      known = this.#registry.forgotten;
      await this.#registry.load(ranks);
    }
  }

  async #insertAll(
    points: PointBatch,
    superseded: SupersededRows,
    { lines, media }: Told,
    facts: RunFacts,
  ): Promise<void> {
    const encoded = encodePoints(points.groups);
    const spans = spanRows(points.groups);
    const unknown = [
      ...new Map(points.groups.filter(({ state }) => !state.stored).map((group) => [group.state, group])).values(),
    ];
    const done = await Promise.allSettled([
      this.#insert('points', encoded.rows, () => encoded.points),
      this.#insert('rollup_64', encoded.rollup64.rows, () => encoded.rollup64.blockColumns()),
      this.#insert('rollup_256', encoded.rollup256.rows, () => encoded.rollup256.blockColumns()),
      this.#insert('spans', spans.spanCount, () => spans.spans),
      this.#insert('attempts', points.attempts.rows, () => points.attempts.blockColumns()),
      this.#insert('superseded', superseded.rows, () => superseded.blockColumns()),
      this.#insert('series', unknown.length, () => [
        ...seriesColumns(unknown),
        { name: 'key', type: 'String', data: unknown.map((group) => group.state.key) },
      ]),
      this.#insert('lines', lines.rows, () => lines.blockColumns()),
      this.#insert('media', media.rows, () => media.blockColumns()),
      this.#insert('run_names', facts.nameRows, () => facts.nameColumns()),
      this.#insert('deletions', facts.deletionRows, () => facts.deletionColumns()),
      this.#insert('run_facts', facts.factRows, () => facts.factColumns()),
      this.#insert('facts', facts.nouns.rows, () => facts.nouns.blockColumns()),
    ]);
    for (const result of done) if (result.status === 'rejected') throw result.reason;
  }

  async #insert(table: TableName, rows: number, columns: () => readonly BlockColumn[]): Promise<void> {
    if (rows > 0) await this.#client.insertNative(tableOf(this.generation, table), columns(), rows);
  }
}

/** What runs say beside numbers. */
interface Told {
  readonly lines: LineColumns;
  readonly media: MediaColumns;
}

/** Rows of these are found by their run, whose name is kept apart. */
const namesItsRun = ({ name }: Event): boolean =>
  name === 'PointsLogged' || name === 'LinesLogged' || name === 'ValuesLogged';

function ranksOf(events: readonly Event[]): ReadonlyMap<string, ReadonlySet<number>> {
  const ranks = new Map<string, Set<number>>();
  for (const event of events) {
    if (event.name !== 'PointsLogged') continue;
    const set = ranks.get(event.subject) ?? new Set<number>();
    ranks.set(event.subject, set.add(event.writer?.rank ?? 0));
  }
  return ranks;
}

function seriesColumns(groups: readonly BatchGroup[]): BlockColumn[] {
  return [
    { name: 'run', type: 'UInt64', data: BigUint64Array.from(groups, (group) => group.run) },
    { name: 'series', type: 'UInt64', data: BigUint64Array.from(groups, (group) => group.series) },
  ];
}

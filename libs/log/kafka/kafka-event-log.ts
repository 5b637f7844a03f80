import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { topics, type Topic } from '#libs/domain/event.js';
import { Unavailable } from '#libs/domain/rejection.js';
import type {
  Assignment,
  EventLog,
  EventRecord,
  PartitionId,
  PartitionRange,
  Position,
  ReadOptions,
  StoredRecord,
} from '../event-log.js';
import { createKafka, patiently, readKafkaError, type KafkaAddress } from './kafka-client.js';
import { KafkaFetcher } from './kafka-fetch.js';
import { groupAssignments } from './kafka-group.js';
import { KafkaPartition } from './kafka-partition.js';
import { ProducerLane } from './kafka-producer.js';
import { countProblem, openTopics, topicName, type PartitionCounts } from './kafka-topics.js';
import { TailCache } from '../tail-cache.js';

export interface KafkaLogOptions {
  readonly address: KafkaAddress;
  readonly partitions: PartitionCounts;
  /** Names this process in the brokers' logs and among the members of groups; unlike any other's. */
  readonly clientId: string;
  /** Bytes that wait to be appended, over all callers; beyond it appends are refused with `Unavailable`. */
  readonly queueBytesMax?: number;
  /** Newest records kept in memory for the readers of this process. */
  readonly tailBytesMax?: number;
}

const defaults = { queueBytesMax: 256 * 1024 * 1024, tailBytesMax: 64 * 1024 * 1024 } as const;
/** Requests in flight at once, each for its own partitions. */
const lanesMax = 4;
/** An end below the asked position is believed when it stays for this long. */
const endBelievedAfterMs = 5_000;
/** A question that can't wait for ever is refused after this time without brokers. */
const answersWithinMs = 10_000;
/** Records of one append that go into one batch of a partition. */
const chunkBytesMax = 512 * 1024;

/** The log on Kafka: makes or checks the topics first. Throws `Unavailable` while no broker answers. */
export async function openKafkaEventLog(options: KafkaLogOptions): Promise<EventLog> {
  const kafka = createKafka(options.address, options.clientId);
  const admin = kafka.admin({ retry: { initialRetryTime: 100, retries: 2, maxRetryTime: 1_000 } });
  try {
    await admin.connect();
    await openTopics(admin, options.address, options.partitions);
  } catch (error) {
    throw readKafkaError(error, `be reached at ${options.address.brokers.join(', ')}`);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
  return new KafkaEventLog(kafka, options);
}

class KafkaEventLog implements EventLog {
  readonly #lanes: readonly ProducerLane[];
  readonly #fetcher: KafkaFetcher;
  readonly #partitions: ReadonlyMap<Topic, readonly KafkaPartition[]>;
  #problem: string | null = null;
  #queuedBytes = 0;
  #closed = false;
  readonly #closing = new AbortController();

  constructor(
    private readonly kafka: Kafka,
    private readonly options: KafkaLogOptions,
  ) {
    const { address, partitions } = options;
    const lanes = Math.min(lanesMax, partitions.telemetry + 1);
    this.#lanes = Array.from({ length: lanes }, () => new ProducerLane({ kafka, compression: address.compression }));
    this.#fetcher = new KafkaFetcher(kafka);
    const cache = new TailCache(options.tailBytesMax ?? defaults.tailBytesMax);
    this.#partitions = new Map(
      topics.map((topic) => [
        topic,
        Array.from(
          { length: partitions[topic] },
          (_, partition) => new KafkaPartition(topicName(address, topic), { topic, partition }, this.#fetcher, cache),
        ),
      ]),
    );
  }

  async append(records: readonly EventRecord[]): Promise<readonly Position[]> {
    if (this.#closed) throw new Unavailable('the log is closed');
    if (records.length === 0) return [];
    const chunks = this.#chunks(records);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
    const max = this.options.queueBytesMax ?? defaults.queueBytesMax;
    // one request alone may be larger than the queue, or it could never be stored
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > max) {
      throw new Unavailable(
        `log: ${this.#queuedBytes} bytes already wait for Kafka (limit ${max}); slow down and try again`,
      );
    }
    this.#queuedBytes += bytes;
    try {
      const positions = new Array<Position>(records.length);
      const outcomes = await Promise.allSettled(chunks.map((chunk) => this.#appendChunk(chunk, records, positions)));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
      return positions;
    } finally {
      this.#queuedBytes -= bytes;
    }
  }

  async #appendChunk(
    { partition, indices, bytes }: Chunk,
    records: readonly EventRecord[],
    positions: Position[],
  ): Promise<void> {
    const { id, topic } = partition;
    const lane = this.#lanes[laneOf(id, this.#lanes.length)]!;
    const base = await lane.append(topic, id.partition, indices.map((index) => records[index]!), bytes); // prettier-ignore
    indices.forEach((index, i) => (positions[index] = { ...id, offset: base + i }));
  }

  /** In the order of the records of each partition, in pieces that fit into one batch. */
  #chunks(records: readonly EventRecord[]): Chunk[] {
    const chunks: Chunk[] = [];
    const open = new Map<KafkaPartition, Chunk>();
    records.forEach((record, index) => {
      const partition = this.#partition(record);
      const bytes = sizeOf(record);
      let chunk = open.get(partition);
      if (!chunk || chunk.bytes + bytes > chunkBytesMax) {
        chunk = { partition, indices: [], bytes: 0 };
        open.set(partition, chunk);
        chunks.push(chunk);
      }
      chunk.indices.push(index);
      chunk.bytes += bytes;
    });
    return chunks;
  }

  async *read(partition: PartitionId, from: number, options: ReadOptions): AsyncGenerator<readonly StoredRecord[]> {
    const found = this.#partition(partition);
    const { follow } = options;
    // nobody tells a follower of a closed log that there is no more to come
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const range = await this.#rangeWith(
      from,
      partition.topic,
      [partition.partition],
      follow ? Infinity : answersWithinMs,
      signal,
    );
    if (range === null) return this.#refuseIfClosed(options.signal);
    const { start, end } = range[0]!;
    if (!Number.isInteger(from) || from < start || from > end)
      throw new RangeError(
        `log ${partition.topic}/${partition.partition}: offset ${from} is outside [${start}, ${end}]`,
      );
    yield* found.read(from, end, { ...options, signal });
    this.#refuseIfClosed(options.signal);
  }

  #refuseIfClosed(signal: AbortSignal): void {
    if (this.#closed && !signal.aborted) throw new Unavailable('the log is closed');
  }

  /**
   * The range of a partition, once it reaches `from`: a broker that was just started may for a moment tell an end below what it has
   * stored and given out before.
   */
  async #rangeWith(
    from: number,
    topic: Topic,
    partitions: readonly number[],
    givesUpAfterMs: number,
    signal: AbortSignal,
  ): Promise<readonly PartitionRange[] | null> {
    const since = performance.now();
    for (;;) {
      const range = await this.#ranges(topic, partitions, givesUpAfterMs, signal);
      if (range === null || !(from > range[0]!.end) || performance.now() - since > endBelievedAfterMs) return range;
      await sleep(250);
    }
  }

  async *assignments(group: string, wanted: readonly Topic[], signal: AbortSignal): AsyncGenerator<Assignment> {
    const { address } = this.options;
    const names = new Map(wanted.map((topic) => [topicName(address, topic), topic]));
    const { kafka } = this;
    const options = {
      kafka,
      group: `${address.prefix}.${group}`,
      topics: [...names.keys()],
      sessionTimeoutMs: address.sessionTimeoutMs,
      signal,
    };
    const joined = groupAssignments(options, (assigned) => ({
      partitions: Object.entries(assigned).flatMap(([name, partitions]) =>
        partitions.map((partition) => ({ topic: names.get(name)!, partition })),
      ),
    }));
    for await (const assignment of joined) {
      await this.#lookForGrowth(wanted, signal);
      const strange = assignment.partitions.some(({ topic, partition }) => partition >= this.partitionCount(topic));
      // keys of a grown topic may lie in other partitions: nothing is applied, and why is told by `problem`
      yield this.#problem === null && !strange ? assignment : { partitions: [] };
    }
  }

  problem(): string | null {
    return this.#problem;
  }

  async #lookForGrowth(wanted: readonly Topic[], signal: AbortSignal): Promise<void> {
    this.#problem = null;
    for (const topic of wanted) {
      const name = topicName(this.options.address, topic);
      const options = { what: 'tell its partitions', givesUpAfterMs: answersWithinMs, signal };
      const count = await patiently(() => this.#fetcher.partitionCount(name), options).catch(() => null);
      if (count !== null && count !== this.partitionCount(topic))
        this.#problem = countProblem(name, topic, count, this.partitionCount(topic));
    }
  }

  async ranges(topic: Topic): Promise<readonly PartitionRange[]> {
    if (this.#closed) throw new Unavailable('the log is closed');
    const all = Array.from({ length: this.partitionCount(topic) }, (_, partition) => partition);
    return (await this.#ranges(topic, all, answersWithinMs))!;
  }

  async #ranges(
    topic: Topic,
    partitions: readonly number[],
    givesUpAfterMs: number,
    signal?: AbortSignal,
  ): Promise<readonly PartitionRange[] | null> {
    const name = topicName(this.options.address, topic);
    const found = await patiently(() => this.#fetcher.offsets(name, partitions), {
      what: 'tell the ends of its partitions',
      givesUpAfterMs,
      signal,
    });
    return found && partitions.map((partition, i) => ({ topic, partition, ...found[i]! }));
  }

  partitionCount(topic: Topic): number {
    return this.options.partitions[topic];
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#closing.abort();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
    await this.#fetcher.close();
  }

  #partition({ topic, partition }: PartitionId): KafkaPartition {
    const found = this.#partitions.get(topic)?.[partition];
    if (!found) throw new RangeError(`log: there is no partition ${topic}/${partition}`);
    return found;
  }
}

interface Chunk {
  readonly partition: KafkaPartition;
  readonly indices: number[];
  bytes: number;
}

/** Lane 0 is for what people wait for; telemetry, which is most of the bytes, has the others. */
function laneOf({ topic, partition }: PartitionId, lanes: number): number {
  return topic === 'telemetry' && lanes > 1 ? 1 + (partition % (lanes - 1)) : 0;
}

function sizeOf(record: EventRecord): number {
  let bytes = 64 + record.key.length + record.value.length;
  for (const name of Object.keys(record.headers)) {
    const text: unknown = record.headers[name];
    if (typeof text !== 'string') throw new TypeError(`log: header ${name} is not text`);
    bytes += name.length + text.length;
  }
  return bytes;
}

import kafkajs, { type Kafka, type KafkaMessage } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartitionId, StoredRecord } from '../event-log.js';
import { withoutAborted, type AbortedTransaction, type TransactionalMessage } from './kafka-aborted.js';
import { within } from './kafka-client.js';

const { KafkaJSOffsetOutOfRange, KafkaJSError } = kafkajs;

/** The parts of the driver's own cluster object that a fetch of a chosen offset needs. */
interface DriverCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly unknown[];
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>;
  findBroker(options: { nodeId: string }): Promise<DriverBroker>;
  isConnected(): boolean;
  fetchTopicsOffset(
    topics: readonly { topic: string; partitions: readonly { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<readonly { partitions: readonly { partition: number; offset: string }[] }[]>;
}
interface DriverBroker {
  fetch(request: {
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    isolationLevel: number;
    topics: readonly {
      topic: string;
      partitions: readonly { partition: number; fetchOffset: string; maxBytes: number }[];
    }[];
  }): Promise<{
    responses: readonly {
      partitions: readonly {
        partition: number;
        highWatermark: string;
        messages: readonly FetchedMessage[];
        abortedTransactions?: readonly AbortedTransaction[] | null;
      }[];
    }[];
  }>;
}
type FetchedMessage = KafkaMessage & TransactionalMessage;

const createClusterName = 'private:Kafka:createCluster';

/** The driver keeps its cluster to itself; without it there is no reading of a chosen offset outside a consumer group. */
function createCluster(kafka: Kafka): DriverCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === createClusterName);
  if (!symbol) throw new Error('this version of kafkajs is not the one the Kafka log was written for');
  const create = (kafka as unknown as Record<symbol, (options: object) => DriverCluster>)[symbol]!;
  return create({ metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: readCommitted });
}
const readCommitted = 1;
/** A question to brokers is answered within this time, or they are away. */
const answerWithinMs = 10_000;
const goodbyeMs = 3_000;

export interface Fetched {
  /** Without what lies before the asked offset and without the marks of transactions. */
  readonly records: readonly StoredRecord[];
  /** Where to go on: behind everything fetched, kept or not. */
  readonly next: number;
  /** The offset that the next durable record will get. */
  readonly end: number;
}

export interface FetchRequest {
  readonly topic: string;
  readonly partition: PartitionId;
  readonly from: number;
  readonly bytesMax: number;
  /** How long the broker may hold the request when there is nothing. */
  readonly waitMs: number;
}

/**
 * Reads at an exact offset. Each running fetch has a connection of its own, because a broker answers the requests of one connection
 * one after the other and a reader that waits would hold up the rest; idle connections are used again.
 */
export class KafkaFetcher {
  readonly #idle: DriverCluster[] = [];
  readonly #busy = new Set<DriverCluster>();
  #closed = false;

  constructor(private readonly kafka: Kafka) {}

  /** Throws a RangeError if there is no such offset (any more), errors of the driver when the brokers are away. */
  fetch(request: FetchRequest): Promise<Fetched> {
    return this.#with(request.topic, (cluster) => fetchWith(cluster, request));
  }

  /** The first offset kept and the next one, for each partition. */
  async offsets(topic: string, partitions: readonly number[]): Promise<readonly { start: number; end: number }[]> {
    const ask = partitions.map((partition) => ({ partition }));
    return this.#with(topic, async (cluster) => {
      const [starts, ends] = await Promise.all(
        [true, false].map((fromBeginning) => cluster.fetchTopicsOffset([{ topic, partitions: ask, fromBeginning }])),
      );
      const of = (found: typeof starts, wanted: number): number => {
        const entry = found?.[0]?.partitions.find(({ partition }) => partition === wanted);
        if (!entry) throw new KafkaJSError(`${topic}/${wanted} has no leader`);
        return Number(entry.offset);
      };
      return partitions.map((partition) => ({ start: of(starts, partition), end: of(ends, partition) }));
    });
  }

  async #with<T>(topic: string, work: (cluster: DriverCluster) => Promise<T>): Promise<T> {
    const cluster = this.#idle.pop() ?? createCluster(this.kafka);
    this.#busy.add(cluster);
    const asked = (async () => {
      if (!cluster.isConnected()) await cluster.connect();
      await cluster.addTargetTopic(topic);
      await cluster.refreshMetadataIfNecessary();
      return work(cluster);
    })();
    try {
      const result = await within(answerWithinMs, 'be read', asked);
      if (!this.#closed) this.#idle.push(cluster);
      return result;
    } catch (error) {
      // what it knows of leaders may be old: the next one asks anew
      void cluster.disconnect().catch(() => undefined);
      throw error;
    } finally {
      this.#busy.delete(cluster);
      if (this.#closed) void cluster.disconnect().catch(() => undefined);
    }
  }

  /** How many partitions the brokers say that a topic has now. */
  partitionCount(topic: string): Promise<number> {
    return this.#with(topic, async (cluster) => {
      await cluster.refreshMetadata();
      return cluster.findTopicPartitionMetadata(topic).length;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const left = Promise.allSettled([...this.#idle, ...this.#busy].map((cluster) => cluster.disconnect()));
    await Promise.race([left, sleep(goodbyeMs, undefined, { ref: false })]);
  }
}

async function fetchWith(
  cluster: DriverCluster,
  { topic, partition, from, bytesMax, waitMs }: FetchRequest,
): Promise<Fetched> {
  const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition.partition]));
  if (leader === undefined) throw new KafkaJSError(`${topic}/${partition.partition} has no leader`);
  const broker = await cluster.findBroker({ nodeId: leader });
  const { responses } = await broker
    .fetch({
      maxWaitTime: waitMs,
      minBytes: 1,
      maxBytes: bytesMax,
      isolationLevel: readCommitted,
      topics: [
        { topic, partitions: [{ partition: partition.partition, fetchOffset: String(from), maxBytes: bytesMax }] },
      ],
    })
    .catch((error: unknown) => {
      if (!(error instanceof KafkaJSOffsetOutOfRange)) throw error;
      throw new RangeError(`log ${partition.topic}/${partition.partition}: offset ${from} is not there`);
    });
  const { messages = [], highWatermark = '0', abortedTransactions } = responses[0]?.partitions[0] ?? {};
  const records: StoredRecord[] = [];
  let next = from;
  for (const message of messages) next = Math.max(next, Number(message.offset) + 1);
  for (const message of withoutAborted(messages, abortedTransactions ?? [])) {
    const offset = Number(message.offset);
    // a broker sends whole batches, from the one that holds the asked offset on
    if (offset >= from) records.push(toRecord(partition, message, offset));
  }
  return { records, next, end: Number(highWatermark) };
}

function toRecord(
  partition: PartitionId,
  { key, value, headers, timestamp }: FetchedMessage,
  offset: number,
): StoredRecord {
  return {
    ...partition,
    key: key?.toString('utf8') ?? '',
    headers: textHeaders(headers),
    value: value ?? new Uint8Array(0),
    offset,
    appendedAt: Number(timestamp),
  };
}

function textHeaders(headers: FetchedMessage['headers']): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    const last = Array.isArray(value) ? value[value.length - 1] : value;
    texts[name] = last === undefined ? '' : last.toString();
  }
  return texts;
}

import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Kafka, type Message, type Producer, type TopicMessages } from 'kafkajs';
import type { EventRecord } from '../event-log.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { readKafkaError, within, type Compression } from './kafka-client.js';

const { CompressionTypes } = kafkajs;
const types = { lz4: CompressionTypes.LZ4, gzip: CompressionTypes.GZIP, none: CompressionTypes.None };

/** One request to the brokers carries at most this; a larger single record goes alone. */
const requestBytesMax = 1024 * 1024;

/** An append is answered within this time, stored or not. */
const answerWithinMs = 12_000;
const goodbyeMs = 3_000;

interface Waiting {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly EventRecord[];
  readonly bytes: number;
  readonly resolve: (baseOffset: number) => void;
  readonly reject: (error: unknown) => void;
}

export interface LaneOptions {
  readonly kafka: Kafka;
  readonly compression: Compression;
}

/**
 * Appends of some partitions, one request in flight: what comes in meanwhile goes together into the next one, so that requests grow
 * with the load by themselves. Several lanes side by side keep the brokers busy; a partition always uses the same lane, so its
 * order is kept.
 */
export class ProducerLane {
  #producer: Promise<Producer> | null = null;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  constructor(private readonly options: LaneOptions) {}

  /** Resolves with the offset of the first record when all replicas in sync have them. */
  append(topic: string, partition: number, records: readonly EventRecord[], bytes: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ topic, partition, records, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    while (this.#running) await this.#running;
    await this.#forget();
  }

  async #run(): Promise<void> {
    // let everybody who appends in this turn of the event loop join the request
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const taken = this.#take();
      try {
        await within(answerWithinMs, 'store events', this.#send(taken));
      } catch (error) {
        const known = readKafkaError(error, 'store events');
        for (const { reject } of taken) reject(known);
        // brokers that say nothing say nothing to the next one either: nobody waits twice as long because he came later
        if (error instanceof Unavailable) for (const { reject } of this.#waiting.splice(0)) reject(known);
        // what was sent may have been stored: a new producer has a new number, so its next batch can't be mistaken for this one
        void this.#forget();
      }
    }
    this.#running = null;
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#waiting.length && (count === 0 || bytes + this.#waiting[count]!.bytes <= requestBytesMax))
      bytes += this.#waiting[count++]!.bytes;
    return this.#waiting.splice(0, count);
  }

  async #send(taken: readonly Waiting[]): Promise<void> {
    const producer = await this.#connected();
    const places = new Map<string, { messages: Message[]; members: { waiting: Waiting; at: number }[] }>();
    for (const waiting of taken) {
      const name = `${waiting.topic} ${waiting.partition}`;
      const place = places.get(name) ?? { messages: [], members: [] };
      places.set(name, place);
      place.members.push({ waiting, at: place.messages.length });
      for (const record of waiting.records) place.messages.push(toMessage(record, waiting.partition));
    }
    const byTopic = new Map<string, Message[]>();
    for (const [name, { messages }] of places) {
      const topic = name.slice(0, name.lastIndexOf(' '));
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), ...messages]);
    }
    const topicMessages: TopicMessages[] = [...byTopic].map(([topic, messages]) => ({ topic, messages }));
    const answers = await producer.sendBatch({ acks: -1, compression: types[this.options.compression], topicMessages });
    for (const { topicName, partition, baseOffset } of answers) {
      for (const { waiting, at } of places.get(`${topicName} ${partition}`)?.members ?? [])
        waiting.resolve(Number(baseOffset) + at);
    }
    // nobody may wait for ever on an answer that left a partition out
    for (const { reject } of taken) reject(new Error('Kafka did not answer for every partition of a request'));
  }

  #connected(): Promise<Producer> {
    this.#producer ??= this.#connect();
    return this.#producer;
  }

  async #connect(): Promise<Producer> {
    const producer = this.options.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
      retry: { initialRetryTime: 50, factor: 0.2, multiplier: 1.6, maxRetryTime: 1_000, retries: 14 },
    });
    await producer.connect();
    return producer;
  }

  /** A goodbye may never be heard: it is not waited for. */
  #forget(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    const left = producer?.then((known) => known.disconnect()).catch(() => undefined);
    return Promise.race([left, sleep(goodbyeMs, undefined, { ref: false })]).then(() => undefined);
  }
}

const toMessage = ({ key, headers, value }: EventRecord, partition: number): Message => ({
  partition,
  key,
  headers: { ...headers },
  value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
});

/**
 * Telemetry straight to Kafka, the records that the ingest door would have written. The client, kafkajs, is an optional peer of this
 * package. What needs an answer (the start of a run, params, the end) goes through the door all the same.
 */
import type { Kafka, Message, Producer, SASLOptions } from 'kafkajs';

const shards = 16;
const telemetryTypes = new Set(
  ['PointsLogged', 'LinesLogged', 'ValuesLogged', 'HeartbeatSent'].map((name) => `runstream.${name}.v1`),
);

export interface StoredEvent {
  readonly id: string;
  readonly status: 'accepted';
}

/** `kafka://[user:password@]host:9092,host:9092[/prefix][?tls=1&sasl=scram-sha-512]`: the server's RUNSTREAM_LOG. */
function readAddress(text: string) {
  const match = /^kafka:\/\/(?:([^:@/]*):([^@/]*)@)?([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(text);
  if (!match) throw new Error('RUNSTREAM_KAFKA is not kafka://host:9092/prefix');
  const [, user, password = '', hosts = '', prefix, query] = match;
  const options = new URLSearchParams(query ?? '');
  const sasl =
    user === undefined
      ? {}
      : {
          sasl: {
            mechanism: options.get('sasl') ?? 'plain',
            username: decodeURIComponent(user),
            password: decodeURIComponent(password),
          } as SASLOptions,
        };
  return {
    client: { brokers: hosts.split(','), ssl: options.get('tls') === '1', ...sasl },
    topic: `${prefix ? decodeURIComponent(prefix) : 'runstream'}.telemetry`,
  };
}

/** FNV-1a 32 over UTF-8, as in every other program that writes to the log. */
function partitionOf(key: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % count;
}

export class KafkaTransport {
  #connected: Promise<{ readonly producer: Producer; readonly partitions: number }> | null = null;

  private constructor(
    private readonly kafka: Kafka,
    private readonly topic: string,
    private readonly gzip: number,
  ) {}

  /** Throws when the address can't be read or the client is not installed. */
  static async open(address: string): Promise<KafkaTransport> {
    const { client, topic } = readAddress(address);
    const { default: kafkajs } = await import('kafkajs');
    const { Kafka, logLevel, CompressionTypes } = kafkajs;
    const kafka = new Kafka({ ...client, clientId: 'runstream-sdk-typescript', logLevel: logLevel.NOTHING });
    return new KafkaTransport(kafka, topic, CompressionTypes.GZIP);
  }

  isTelemetry(event: Uint8Array): boolean {
    return telemetryTypes.has(text(readFields(onlyEntry(event)), 2));
  }

  /** Resolves when all replicas in sync have all of them; throws when that is unknown: the caller sends them all again. */
  async send(events: readonly Uint8Array[]): Promise<readonly StoredEvent[]> {
    try {
      const { producer, partitions } = await (this.#connected ??= this.#connect());
      const messages = events.map((event) => toMessage(event, partitions));
      await producer.send({ topic: this.topic, acks: -1, compression: this.gzip, messages });
      return messages.map(({ headers }) => ({ id: String(headers!['ce_id']), status: 'accepted' }));
    } catch (error) {
      // what was sent may have been stored: a new producer has a new number
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const known = await this.#connected?.catch(() => null);
    this.#connected = null;
    await known?.producer.disconnect().catch(() => undefined);
  }

  async #connect(): Promise<{ producer: Producer; partitions: number }> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [this.topic] });
      const partitions = topics[0]?.partitions.length ?? 0;
      if (partitions === 0) throw new Error(`Kafka has no topic ${this.topic}: start a server of this log first`);
      const producer = this.kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner:
          () =>
          ({ message }) =>
            message.partition!,
      });
      await producer.connect();
      return { producer, partitions };
    } finally {
      await admin.disconnect();
    }
  }
}

function toMessage(event: Uint8Array, partitions: number): Message {
  const fields = readFields(onlyEntry(event));
  const writer = readFields(fields.get(6) as Uint8Array);
  const rank = number(writer, 3);
  const run = text(fields, 4);
  const zigzag = number(fields, 5);
  const timeMs = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  const key = `${run}/${rank % shards}`;
  return {
    key,
    partition: partitionOf(key, partitions),
    value: Buffer.from((fields.get(7) as Uint8Array | undefined) ?? new Uint8Array(0)),
    headers: {
      ce_specversion: '1.0',
      ce_id: text(fields, 1),
      ce_type: text(fields, 2),
      ce_source: text(fields, 3),
      ce_subject: run,
      ce_time: new Date(timeMs).toISOString(),
      ce_writer: `${text(writer, 1)} ${number(writer, 2)} ${rank} ${number(writer, 4)}`,
    },
  };
}

type Fields = ReadonlyMap<number, Uint8Array | number>;
const text = (fields: Fields, at: number): string =>
  Buffer.from((fields.get(at) as Uint8Array | undefined) ?? []).toString();
const number = (fields: Fields, at: number): number => (fields.get(at) as number | undefined) ?? 0;

/** The one entry of an EventBatch. */
const onlyEntry = (event: Uint8Array): Uint8Array => readFields(event).get(1) as Uint8Array;

/** Varints and length-delimited fields, each at most once: all that our events have. */
function readFields(message: Uint8Array): Fields {
  const fields = new Map<number, Uint8Array | number>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const value = varint();
    if ((tag & 7) === 2) {
      fields.set(tag >>> 3, message.subarray(at, at + value));
      at += value;
    } else fields.set(tag >>> 3, value);
  }
  return fields;
}

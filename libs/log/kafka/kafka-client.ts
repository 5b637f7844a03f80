import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type KafkaConfig, type SASLOptions } from 'kafkajs';
import { Unavailable } from '#libs/domain/rejection.js';
import { mendConnections } from './kafka-connection.js';
import { codecs } from './kafka-codecs.js';

const { Kafka, KafkaJSError, CompressionCodecs, CompressionTypes, logLevel } = kafkajs;

export const compressions = ['lz4', 'gzip', 'none'] as const;
export type Compression = (typeof compressions)[number];

/** Where a Kafka is and how its topics are made. */
export interface KafkaAddress {
  readonly brokers: readonly string[];
  /** Topics are named "<prefix>.catalog" and so on. */
  readonly prefix: string;
  /** Replicas of topics that do not exist yet. */
  readonly replication: number;
  readonly compression: Compression;
  readonly tls: boolean;
  readonly sasl: SASLOptions | null;
  /** A projector that was not heard of for this long loses its partitions. */
  readonly sessionTimeoutMs: number;
}

const known = ['replication', 'compression', 'tls', 'sasl', 'session'];
const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'];

/** `kafka://[user:password@]host:9092,host:9092[/prefix][?replication=3&compression=lz4&tls=1&sasl=scram-sha-512&session=10]`. Throws an Error that says what is wrong. */
export function readKafkaUrl(text: string): KafkaAddress {
  const match = /^kafka:\/\/(?:([^:@/]*):([^@/]*)@)?([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(text);
  if (!match) throw new Error(`"${text}" is not kafka://host:9092,host:9092/prefix`);
  const [, user, password, hosts = '', path, query] = match;
  const brokers = hosts.split(',').filter(Boolean);
  const wrong = brokers.find((broker) => !/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(broker));
  if (wrong !== undefined || brokers.length === 0) throw new Error(`broker "${wrong ?? ''}" is not host:port`);
  const prefix = path === undefined || path === '' ? 'runstream' : decodeURIComponent(path);
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(prefix)) throw new Error(`"${prefix}" can't begin the name of a topic`);
  const options = new URLSearchParams(query ?? '');
  const unknown = [...options.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`"${unknown}" is not one of ${known.join(', ')}`);
  const compression = (options.get('compression') ?? 'lz4') as Compression;
  if (!compressions.includes(compression))
    throw new Error(`compression "${compression}" is not one of ${compressions.join(', ')}`);
  return {
    brokers,
    prefix,
    replication: wholeNumber(options, 'replication', 1),
    compression,
    tls: options.get('tls') === '1',
    sasl: readSasl(options.get('sasl'), user, password),
    sessionTimeoutMs: wholeNumber(options, 'session', 10) * 1_000,
  };
}

function wholeNumber(options: URLSearchParams, name: string, fallback: number): number {
  const text = options.get(name);
  if (text === null) return fallback;
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new Error(`${name} "${text}" is not a whole number from 1 on`);
  return Number(text);
}

function readSasl(mechanism: string | null, user?: string, password?: string): SASLOptions | null {
  if (user === undefined && mechanism === null) return null;
  const chosen = mechanism ?? 'plain';
  if (!mechanisms.includes(chosen)) throw new Error(`sasl "${chosen}" is not one of ${mechanisms.join(', ')}`);
  if (user === undefined || password === undefined)
    throw new Error(`sasl=${chosen} needs user:password@ before the hosts`);
  return {
    mechanism: chosen,
    username: decodeURIComponent(user),
    password: decodeURIComponent(password),
  } as SASLOptions;
}

/** A client of the driver that says nothing by itself: what goes wrong is told by whoever asked. */
export function createKafka(address: KafkaAddress, clientId: string): InstanceType<typeof Kafka> {
  mendConnections();
  CompressionCodecs[CompressionTypes.LZ4] = () => codecs.lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => codecs.zstd;
  const config: KafkaConfig = {
    clientId,
    brokers: [...address.brokers],
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 10_000,
    ssl: address.tls,
    ...(address.sasl && { sasl: address.sasl }),
    logLevel: logLevel.NOTHING,
    logCreator: () => () => undefined,
  };
  return new Kafka(config);
}

/** What the driver throws while brokers are away, overloaded or electing leaders. Anything else goes up as it is. */
export function readKafkaError(error: unknown, what: string): unknown {
  if (error instanceof Unavailable || !(error instanceof Error)) return error;
  if (!fromDriver(error)) return error;
  const cause = rootOf(error);
  return new Unavailable(`Kafka can't ${what} now: ${cause.message}`, 500, { cause: error });
}

/**
 * The driver also throws plain errors (`Broker not connected`), and stumbles over itself when a connection goes away under it: whatever comes
 * out of its code means that brokers can't be asked now.
 */
export function fromDriver(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof KafkaJSError || /^E[A-Z_]+$/.test(code ?? '')) return true;
  const frame = (error.stack ?? '').split('\n').find((line) => /^\s+at /.test(line) && !/\(node:|at node:/.test(line));
  return /[\\/]kafkajs[\\/]/.test(frame ?? '');
}

/** The work, or `Unavailable` after this time; what it was waiting for goes on by itself and its failure is nobody's. */
export async function within<T>(timeoutMs: number, what: string, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Unavailable(`Kafka can't ${what} now: no answer in ${timeoutMs} ms`, 2_000)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function rootOf(error: Error): Error {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? rootOf(cause) : error;
}

export interface Patience {
  /** What is said when it ends. */
  readonly what: string;
  /** Infinity: as long as it takes. */
  readonly givesUpAfterMs: number;
  readonly signal?: AbortSignal | undefined;
}

const backoffMs: readonly [number, number] = [50, 1_000];

/** Repeats while brokers are away. Null when told to stop; throws `Unavailable` when the time is over, anything else at once. */
export async function patiently<T>(
  work: () => Promise<T>,
  { what, givesUpAfterMs, signal }: Patience,
): Promise<T | null> {
  const since = performance.now();
  for (let delayMs = backoffMs[0]; ; delayMs = Math.min(delayMs * 2, backoffMs[1])) {
    try {
      return await untilAborted(work(), signal);
    } catch (error) {
      const known = readKafkaError(error, what);
      if (!(known instanceof Unavailable) || performance.now() - since > givesUpAfterMs) throw known;
    }
    if ((await untilAborted(sleep(delayMs, true), signal)) === null) return null;
  }
}

/** Null as soon as the signal aborts; what was waited for goes on by itself and its failure is nobody's. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  if (!signal) return work;
  work.catch(() => undefined);
  if (signal.aborted) return null;
  let stop = (): void => undefined;
  const aborted = new Promise<null>((resolve) => {
    stop = () => resolve(null);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

import { topics, type Topic } from '#libs/domain/event.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { lockDirectory, type DirectoryLock } from './directory-lock.js';
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
import { partitionName } from '#libs/domain/position-token.js';
import { checkEnds, readEnds, writeEnds, type LogDamage } from './log-ends.js';
import { nodeLogFs, type LogFs } from './log-fs.js';
import { openMeta, partitionDirectory, type PartitionCounts } from './log-meta.js';
import { openPartitionLog, type PartitionLog } from './partition-log.js';
import { TailCache } from '../tail-cache.js';

export interface SegmentEventLogOptions {
  readonly dir: string;
  readonly partitions: PartitionCounts;
  readonly clock: () => number;
  readonly segmentBytesMax?: number;
  /** Bytes that may wait for the disk; beyond it `append` is `Unavailable` at once. */
  readonly queueBytesMax?: number;
  /** Newest records kept in memory for followers. */
  readonly tailBytesMax?: number;
  readonly fs?: LogFs;
  /** Told of an end that was cut, and of acknowledged records that are not there any more. */
  readonly onDamage?: (damage: LogDamage) => void;
}

const defaults = {
  segmentBytesMax: 128 * 1024 * 1024,
  queueBytesMax: 128 * 1024 * 1024,
  tailBytesMax: 64 * 1024 * 1024,
};

/** The embedded log: segment files in a directory that this process owns until `close`. */
export async function openSegmentEventLog(options: SegmentEventLogOptions): Promise<EventLog> {
  const { dir, fs = nodeLogFs, segmentBytesMax = defaults.segmentBytesMax } = options;
  // positions in a file are 32 bits wide, and a group may be written behind the last byte allowed
  if (segmentBytesMax > 2 ** 30)
    throw new RangeError(`log: segmentBytesMax ${segmentBytesMax} is more than ${2 ** 30}`);
  const lock = await lockDirectory(dir);
  try {
    await openMeta(fs, dir, options.partitions);
    const onDamage = options.onDamage ?? (() => undefined);
    const ends = await readEnds(fs, dir, onDamage);
    const tail = new TailCache(options.tailBytesMax ?? defaults.tailBytesMax);
    const partitions = new Map<Topic, readonly PartitionLog[]>();
    for (const topic of topics) {
      const count = options.partitions[topic];
      const opened = Array.from({ length: count }, (_, partition) =>
        openPartitionLog({
          fs,
          directory: partitionDirectory(dir, topic, partition),
          partition: { topic, partition },
          clock: options.clock,
          segmentBytesMax,
          tail: tail.partition(),
          ends: ends[partitionName(topic, partition)],
          onDamage,
        }),
      );
      partitions.set(topic, await allDone(opened));
    }
    const named = [...partitions].flatMap(([topic, logs]) =>
      logs.map((log, partition) => [partitionName(topic, partition), log] as const),
    );
    await checkEnds(fs, dir, options.partitions, ends, new Map(named.map(([name, log]) => [name, log.ends])), onDamage);
    const keepEnds = (): Promise<void> =>
      writeEnds(fs, dir, Object.fromEntries(named.map(([name, log]) => [name, log.ends])));
    await keepEnds().catch(ignoreRefusal);
    return new SegmentEventLog(partitions, lock, options.queueBytesMax ?? defaults.queueBytesMax, keepEnds);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class SegmentEventLog implements EventLog {
  #queuedBytes = 0;
  #closed = false;

  constructor(
    private readonly partitions: ReadonlyMap<Topic, readonly PartitionLog[]>,
    private readonly lock: DirectoryLock,
    private readonly queueBytesMax: number,
    private readonly keepEnds: () => Promise<void>,
  ) {}

  async append(records: readonly EventRecord[]): Promise<readonly Position[]> {
    if (this.#closed) throw new Unavailable('the log is closed');
    if (records.length === 0) return [];
    const bytes = sizeOf(records);
    // one request alone may be larger than the queue, or it could never be stored
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.queueBytesMax) {
      throw new Unavailable(
        `log: ${this.#queuedBytes} bytes already wait for the disk (limit ${this.queueBytesMax}); slow down and try again`,
      );
    }
    const groups = this.#byPartition(records);
    this.#queuedBytes += bytes;
    try {
      const positions: Position[] = new Array<Position>(records.length);
      await allDone(
        [...groups].map(async ([log, indices]) => {
          const { topic, partition } = records[indices[0]!]!;
          const base = await log.append(indices.map((index) => records[index]!));
          indices.forEach((index, i) => (positions[index] = { topic, partition, offset: base + i }));
        }),
      );
      return positions;
    } finally {
      this.#queuedBytes -= bytes;
    }
  }

  async *read(partition: PartitionId, from: number, options: ReadOptions): AsyncGenerator<readonly StoredRecord[]> {
    yield* this.#partition(partition).read(from, options);
  }

  async *assignments(_group: string, wanted: readonly Topic[], signal: AbortSignal): AsyncGenerator<Assignment> {
    if (signal.aborted) return;
    const all = wanted.flatMap((topic) =>
      Array.from({ length: this.partitionCount(topic) }, (_, partition) => ({ topic, partition })),
    );
    yield { partitions: all };
    await aborted(signal);
  }

  async ranges(topic: Topic): Promise<readonly PartitionRange[]> {
    return this.#topic(topic).map((log) => log.range);
  }

  partitionCount(topic: Topic): number {
    return this.#topic(topic).length;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await allDone([...this.partitions.values()].flat().map((log) => log.close()));
      await this.keepEnds().catch(ignoreRefusal);
    } finally {
      await this.lock.release();
    }
  }

  #topic(topic: Topic): readonly PartitionLog[] {
    const logs = this.partitions.get(topic);
    if (!logs) throw new RangeError(`log: there is no topic ${topic}`);
    return logs;
  }

  #partition({ topic, partition }: PartitionId): PartitionLog {
    const log = this.#topic(topic)[partition];
    if (!log)
      throw new RangeError(
        `log: topic ${topic} has no partition ${partition}, only 0 to ${this.partitionCount(topic) - 1}`,
      );
    return log;
  }

  #byPartition(records: readonly EventRecord[]): Map<PartitionLog, number[]> {
    const groups = new Map<PartitionLog, number[]>();
    records.forEach((record, index) => {
      const log = this.#partition(record);
      const indices = groups.get(log);
      if (indices) indices.push(index);
      else groups.set(log, [index]);
    });
    return groups;
  }
}

/** Fails as `Promise.all` does, but only when none of them is at work any more: the next step may give the directory away. */
async function allDone<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** A full or failing disk keeps an older record of the ends, which is as true. */
function ignoreRefusal(error: NodeJS.ErrnoException): void {
  if (typeof error.code !== 'string') throw error;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** Also refuses, before anything is queued, what could not be encoded. */
function sizeOf(records: readonly EventRecord[]): number {
  let bytes = 0;
  for (const { key, headers, value } of records) {
    bytes += key.length + value.length + 64;
    for (const name of Object.keys(headers)) {
      const text: unknown = headers[name];
      if (typeof text !== 'string') throw new TypeError(`log: header ${name} is not text`);
      bytes += text.length;
    }
  }
  return bytes;
}

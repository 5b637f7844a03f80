import type { Topic } from '#libs/domain/event.js';

export interface PartitionId {
  readonly topic: Topic;
  readonly partition: number;
}

/** What a caller appends: CloudEvents attributes as headers (`ce_id`, `ce_type`, …), the payload as bytes. */
export interface EventRecord {
  readonly topic: Topic;
  readonly partition: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** What the log gives back. `offset` counts from 0 within its partition; `appendedAt` is Unix ms, stored with the record. */
export interface StoredRecord extends EventRecord {
  readonly offset: number;
  readonly appendedAt: number;
}

/** Where a record landed. */
export interface Position extends PartitionId {
  readonly offset: number;
}

export interface ReadOptions {
  /** Go on past the end and wait for more (true), or end the sequence at the durable end seen when it is reached (false). */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Upper bound of one delivered batch; at least one record is delivered whatever its size. */
  readonly batchBytesMax?: number;
}

export interface Assignment {
  /** Partitions this process owns from now on, replacing the previous assignment whole. */
  readonly partitions: readonly PartitionId[];
}

/** `start` is the first offset kept, `end` the offset the next durable record will get. */
export interface PartitionRange extends PartitionId {
  readonly start: number;
  readonly end: number;
}

/**
 * The one append-only log, the only truth. Batching of work, checkpoints, retries and decoding are not its business.
 */
export interface EventLog {
  /**
   * Appends in the given order per partition and resolves when all are durable (law 1), with one position per record.
   * Throws `Unavailable` when nothing or not everything is known to be durable: the caller retries, the events' ids and seqs make
   * that harmless.
   */
  append(records: readonly EventRecord[]): Promise<readonly Position[]>;
  /**
   * Durable records of one partition from `from` on, in order, in batches. Ends at once when the signal aborts.
   * Throws a `RangeError` if `from` lies outside [start, end].
   */
  read(partition: PartitionId, from: number, options: ReadOptions): AsyncIterable<readonly StoredRecord[]>;
  /** Which partitions this process owns in a group: the first assignment, then each later one, until aborted. */
  assignments(group: string, topics: readonly Topic[], signal: AbortSignal): AsyncIterable<Assignment>;
  /** Starts and durable ends of all partitions of a topic. */
  ranges(topic: Topic): Promise<readonly PartitionRange[]>;
  /** Why nothing is read on though the log answers, and what to do; null: all is well. */
  problem?(): string | null;
  /** How many partitions a topic has; fixed while the log is open. */
  partitionCount(topic: Topic): number;
  /** Nothing is taken any more, and readers that wait are refused. */
  close(): Promise<void>;
}

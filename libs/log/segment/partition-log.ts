import { Unavailable } from '#libs/domain/rejection.js';
import type { EventRecord, PartitionId, PartitionRange, ReadOptions, StoredRecord } from '../event-log.js';
import { GroupCommit } from './group-commit.js';
import { checkSegments, type LogDamage, type PartitionEnds } from './log-ends.js';
import type { LogFs } from './log-fs.js';
import { BlockReader, CorruptLog, Segment, readSegmentFileName, recoverSegment } from './segment-file.js';
import { blockHeaderBytes } from './segment-block.js';
import { SegmentReader } from './segment-reader.js';
import { SegmentWriter } from './segment-writer.js';
import { sizeOfRecord, type PartitionTail } from '../tail-cache.js';

export interface PartitionLogOptions {
  readonly fs: LogFs;
  readonly directory: string;
  readonly partition: PartitionId;
  readonly clock: () => number;
  readonly segmentBytesMax: number;
  readonly tail: PartitionTail;
  /** What the partition surely held at the last look, where that is known. */
  readonly ends?: PartitionEnds | undefined;
  readonly onDamage?: (damage: LogDamage) => void;
}

type DiskOutcome = { readonly records: StoredRecord[] } | { readonly error: unknown };
const batchBytesDefault = 4 * 1024 * 1024;

export async function openPartitionLog(options: PartitionLogOptions): Promise<PartitionLog> {
  const { fs, directory } = options;
  const segments = await openSegments(fs, directory);
  checkSegments(directory, options.ends, segments);
  const last = segments.at(-1)!;
  const scanned = await recoverSegment(fs, last, options.onDamage);
  await fs.syncDirectory(directory);
  let { lastAppendedAt } = scanned;
  const before = segments.at(-2);
  if (scanned.endPosition === 0 && before) lastAppendedAt = await lastAppendedAtOf(fs, before, last.baseOffset);
  const writer = new SegmentWriter(fs, directory, segments, options.segmentBytesMax, scanned.endOffset, scanned.sealed);
  return new PartitionLog(options, segments, writer, scanned.endOffset, lastAppendedAt);
}

async function openSegments(fs: LogFs, directory: string): Promise<Segment[]> {
  const names = (await fs.list(directory)) ?? [];
  const offsets = names.flatMap((name) => readSegmentFileName(name) ?? []).sort((a, b) => a - b);
  if (offsets.length === 0) {
    const first = new Segment(directory, 0, 0);
    await (await fs.open(first.path, 'create')).close();
    return [first];
  }
  if (offsets[0] !== 0)
    throw new CorruptLog(directory, 0, `the first segment starts at offset ${offsets[0]}, earlier files are missing`);
  const segments: Segment[] = [];
  for (const offset of offsets) {
    const segment = new Segment(directory, offset, 0);
    const file = await fs.open(segment.path, 'read');
    segment.durableBytes = await file.size();
    await file.close();
    segments.push(segment);
  }
  return segments;
}

// headers only: the blocks are checked when they are read
async function lastAppendedAtOf(fs: LogFs, segment: Segment, endOffset: number): Promise<number> {
  const file = await fs.open(segment.path, 'read');
  try {
    const reader = new BlockReader(file, 64 * 1024);
    let position = 0;
    let appendedAt = 0;
    for (;;) {
      const header = await reader.header(position, segment.durableBytes);
      if (header === null || header.baseOffset >= endOffset) return appendedAt;
      appendedAt = header.appendedAt;
      position += blockHeaderBytes + header.payloadBytes;
    }
  } finally {
    await file.close();
  }
}

/** One partition: appends through the group commit, reads from the tail in memory or from the segments. */
export class PartitionLog {
  readonly #commit: GroupCommit;
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(
    private readonly options: PartitionLogOptions,
    private readonly segments: readonly Segment[],
    private readonly writer: SegmentWriter,
    endOffset: number,
    lastAppendedAt: number,
  ) {
    this.#commit = new GroupCommit({
      partition: options.partition,
      writer,
      clock: options.clock,
      endOffset,
      lastAppendedAt,
      onDurable: (records, rawBytes) => {
        options.tail.push(records, rawBytes);
        this.#wake();
      },
    });
  }

  get range(): PartitionRange {
    const { topic, partition } = this.options.partition;
    return { topic, partition, start: this.segments[0]!.baseOffset, end: this.#commit.durableEnd };
  }

  /** What is durable now. */
  get ends(): PartitionEnds {
    const segments = this.segments.map(({ baseOffset, durableBytes }) => [baseOffset, durableBytes] as const);
    return { end: this.#commit.durableEnd, segments };
  }

  append(records: readonly EventRecord[]): Promise<number> {
    return this.#commit.append(records);
  }

  async *read(
    from: number,
    { follow, signal, batchBytesMax = batchBytesDefault }: ReadOptions,
  ): AsyncGenerator<readonly StoredRecord[]> {
    const { topic, partition } = this.options.partition;
    const { start, end } = this.range;
    if (!Number.isInteger(from) || from < start || from > end) {
      throw new RangeError(`log ${topic}/${partition}: offset ${from} is outside [${start}, ${end}]`);
    }
    const disk = new SegmentReader(this.options.fs, this.options.partition, this.segments);
    const readDisk = (at: number): Promise<DiskOutcome> =>
      disk.read(at, this.#commit.durableEnd, batchBytesMax).then(
        (records) => ({ records }),
        (error: unknown) => ({ error }),
      );
    let reading: Promise<DiskOutcome> | null = null;
    try {
      let next = from;
      // read from disk and not delivered yet
      let ahead: StoredRecord[] = [];
      while (!signal.aborted) {
        if (next >= this.#commit.durableEnd) {
          if (!follow) return;
          await this.#more(signal);
          continue;
        }
        let batch = ahead.length > 0 || reading ? null : this.options.tail.slice(next, batchBytesMax);
        if (batch === null) {
          if (ahead.length === 0) {
            const outcome: DiskOutcome = await (reading ?? readDisk(next));
            reading = null;
            if ('error' in outcome) throw outcome.error;
            ahead = outcome.records;
            continue;
          }
          [batch, ahead] = cut(ahead, batchBytesMax);
          // while the consumer works on this batch, the disk and the inflating threads work on the next
          const after = batch.at(-1)!.offset + 1;
          if (ahead.length === 0 && after < this.#commit.durableEnd && !this.options.tail.has(after))
            reading = readDisk(after);
        }
        next = batch.at(-1)!.offset + 1;
        yield batch;
      }
    } finally {
      await reading;
      await disk.close();
    }
  }

  /** Waits for the appenders of this moment, then refuses reads that wait. */
  async close(): Promise<void> {
    await this.#commit.idle();
    this.#closed = true;
    this.#wake();
    try {
      await this.writer.seal(this.#commit.appendedAt);
    } finally {
      await this.writer.close();
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #more(signal: AbortSignal): Promise<void> {
    if (this.#closed) throw new Unavailable('the log is closed');
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }
}

function cut(records: StoredRecord[], bytesMax: number): [StoredRecord[], StoredRecord[]] {
  let bytes = sizeOfRecord(records[0]!);
  let count = 1;
  while (count < records.length && (bytes += sizeOfRecord(records[count]!)) <= bytesMax) count++;
  return count === records.length ? [records, []] : [records.slice(0, count), records.slice(count)];
}

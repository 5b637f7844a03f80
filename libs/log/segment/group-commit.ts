import { Unavailable } from '#libs/domain/rejection.js';
import { decodedEvents } from '../decoded-events.js';
import type { EventRecord, PartitionId, StoredRecord } from '../event-log.js';
import { RecordEncoder } from './record-codec.js';
import { packPayload, type Payload } from './segment-block.js';
import type { SegmentWriter } from './segment-writer.js';

/** A block is closed at this size; a larger record has one alone. */
const blockBytesTarget = 256 * 1024;
const encoderBytesMin = 8 * 1024;

interface ClosedBlock {
  readonly payload: Promise<Payload>;
  readonly records: readonly StoredRecord[];
  readonly rawBytes: number;
}

interface Waiter {
  readonly baseOffset: number;
  readonly resolve: (baseOffset: number) => void;
  readonly reject: (error: Unavailable) => void;
}

export interface GroupCommitOptions {
  readonly partition: PartitionId;
  readonly writer: SegmentWriter;
  readonly clock: () => number;
  readonly endOffset: number;
  readonly lastAppendedAt: number;
  /** Called when records are durable, in order, before their appenders are told. */
  readonly onDurable: (records: readonly StoredRecord[], rawBytes: number) => void;
}

/**
 * Serves all appenders of a partition that wait at one moment with one write and one fdatasync. While that runs, the next group
 * gathers, and its full blocks are deflated in the thread pool meanwhile.
 */
export class GroupCommit {
  #durableEnd: number;
  #nextOffset: number;
  #appendedAt: number;
  #encoder: RecordEncoder | null = null;
  #lastBlockBytes = 0;
  #added: { record: EventRecord; valueEnd: number }[] = [];
  #blocks: ClosedBlock[] = [];
  #waiters: Waiter[] = [];
  #running: Promise<void> | null = null;

  constructor(private readonly options: GroupCommitOptions) {
    this.#durableEnd = options.endOffset;
    this.#nextOffset = options.endOffset;
    this.#appendedAt = options.lastAppendedAt;
  }

  get durableEnd(): number {
    return this.#durableEnd;
  }

  get appendedAt(): number {
    return this.#appendedAt;
  }

  /** Resolves with the offset of the first record when all are durable. */
  append(records: readonly EventRecord[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const baseOffset = this.#nextOffset;
      for (const record of records) this.#add(record);
      this.#waiters.push({ baseOffset, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #add(record: EventRecord): void {
    if (this.#encoder === null) {
      // one time per block, never going back even when the clock does
      this.#appendedAt = Math.max(this.#appendedAt, this.options.clock());
      this.#encoder = new RecordEncoder(Math.max(encoderBytesMin, record.value.length + 1_024, this.#lastBlockBytes));
    }
    this.#encoder.add(record);
    this.#added.push({ record, valueEnd: this.#encoder.length });
    this.#nextOffset++;
    if (this.#encoder.length >= blockBytesTarget) this.#closeBlock();
  }

  #closeBlock(): void {
    const encoder = this.#encoder;
    if (encoder === null) return;
    const spare = encoder.bytes.length - encoder.length;
    // these bytes stay in the tail cache: do not keep a half-empty buffer there
    const raw = spare > encoder.length / 4 ? copyOf(encoder) : encoder.bytes.subarray(0, encoder.length);
    const { topic, partition } = this.options.partition;
    const appendedAt = this.#appendedAt;
    const baseOffset = this.#nextOffset - this.#added.length;
    const records = this.#added.map(({ record: { key, headers, value }, valueEnd }, i): StoredRecord => {
      // a copy: the caller's bytes may be a view of a whole request body
      const stored = raw.subarray(valueEnd - value.length, valueEnd);
      decodedEvents.moved(value, stored);
      return { topic, partition, key, headers, value: stored, offset: baseOffset + i, appendedAt };
    });
    // the next block is probably as large: saves growing step by step
    this.#lastBlockBytes = Math.min(2 * blockBytesTarget, encoder.length + 1_024);
    const payload = packPayload(raw);
    // awaited only when its group is written; a failure before that must not count as unhandled
    payload.catch(() => undefined);
    this.#blocks.push({ payload, records, rawBytes: raw.length });
    this.#encoder = null;
    this.#added = [];
  }

  async #run(): Promise<void> {
    // let everybody who appends in this turn of the event loop join the group
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiters.length > 0) {
      this.#closeBlock();
      const blocks = this.#blocks;
      const waiters = this.#waiters;
      this.#blocks = [];
      this.#waiters = [];
      try {
        await this.#commit(blocks);
        for (const waiter of waiters) waiter.resolve(waiter.baseOffset);
      } catch (error) {
        this.#fail(waiters, error as Error);
      }
    }
    this.#running = null;
  }

  async #commit(blocks: readonly ClosedBlock[]): Promise<void> {
    const packed = await Promise.all(
      blocks.map(async ({ payload, records }) => ({
        payload: await payload,
        records: records.length,
        baseOffset: records[0]!.offset,
        appendedAt: records[0]!.appendedAt,
      })),
    );
    await this.options.writer.write(packed);
    for (const { records, rawBytes } of blocks) {
      this.#durableEnd += records.length;
      this.options.onDurable(records, rawBytes);
    }
  }

  // those who joined since have offsets behind the lost ones: they fail too, and numbering starts again at the durable end
  #fail(waiters: readonly Waiter[], cause: Error): void {
    const { topic, partition } = this.options.partition;
    const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
    const error = new Unavailable(
      `log ${topic}/${partition}: ${full ? 'the disk is full' : 'the disk refused a write'} (${cause.message}). ` +
        `Nothing of this request was stored for certain; ${full ? 'free some space and ' : ''}try again`,
      1_000,
      { cause },
    );
    const all = [...waiters, ...this.#waiters];
    this.#waiters = [];
    this.#blocks = [];
    this.#encoder = null;
    this.#added = [];
    this.#nextOffset = this.#durableEnd;
    for (const waiter of all) waiter.reject(error);
  }
}

function copyOf(encoder: RecordEncoder): Buffer {
  const exact = Buffer.allocUnsafeSlow(encoder.length);
  encoder.bytes.copy(exact, 0, 0, encoder.length);
  return exact;
}

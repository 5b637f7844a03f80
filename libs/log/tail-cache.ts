import type { StoredRecord } from './event-log.js';

interface CachedBlock {
  readonly baseOffset: number;
  readonly records: readonly StoredRecord[];
  readonly bytes: number;
}

/** What a record costs beside its bytes: objects and strings of the envelope, roughly. */
const recordOverheadBytes = 600;
export const sizeOfRecord = (record: StoredRecord): number => record.value.length + 128;

/**
 * The newest durable records of all partitions within one budget; the oldest blocks leave first. All followers get the same record
 * objects, so what one of them decoded the others need not decode.
 */
export class TailCache {
  #bytes = 0;
  readonly #order: PartitionTail[] = [];
  #oldest = 0;

  constructor(private readonly bytesMax: number) {}

  partition(): PartitionTail {
    return new PartitionTail((tail, bytes) => this.#added(tail, bytes));
  }

  #added(tail: PartitionTail, bytes: number): void {
    this.#order.push(tail);
    this.#bytes += bytes;
    while (this.#bytes > this.bytesMax && this.#oldest < this.#order.length)
      this.#bytes -= this.#order[this.#oldest++]!.evict();
    if (this.#oldest > 1_024 && this.#oldest * 2 > this.#order.length) {
      this.#order.splice(0, this.#oldest);
      this.#oldest = 0;
    }
  }
}

export class PartitionTail {
  #blocks: CachedBlock[] = [];
  #oldest = 0;

  constructor(private readonly added: (tail: PartitionTail, bytes: number) => void) {}

  /** Blocks come in offset order without gaps. */
  push(records: readonly StoredRecord[], rawBytes: number): void {
    const bytes = rawBytes + records.length * recordOverheadBytes;
    this.#blocks.push({ baseOffset: records[0]!.offset, records, bytes });
    this.added(this, bytes);
  }

  evict(): number {
    const { bytes } = this.#blocks[this.#oldest++]!;
    if (this.#oldest > 64 && this.#oldest * 2 > this.#blocks.length) {
      this.#blocks = this.#blocks.slice(this.#oldest);
      this.#oldest = 0;
    } else {
      // memory goes now, the slot later
      this.#blocks[this.#oldest - 1] = { baseOffset: -1, records: [], bytes: 0 };
    }
    return bytes;
  }

  has(offset: number): boolean {
    return this.#oldest < this.#blocks.length && this.#blocks[this.#oldest]!.baseOffset <= offset;
  }

  /** Records from `from` on within the byte budget (at least one), or null when `from` is no longer, or not yet, here. */
  slice(from: number, bytesMax: number): StoredRecord[] | null {
    let low = this.#oldest;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#blocks[middle]!.baseOffset <= from) low = middle + 1;
      else high = middle;
    }
    if (low === this.#oldest) return null;
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (let block = low - 1; block < this.#blocks.length; block++) {
      const { baseOffset, records: cached } = this.#blocks[block]!;
      for (let i = Math.max(0, from - baseOffset); i < cached.length; i++) {
        bytes += sizeOfRecord(cached[i]!);
        if (bytes > bytesMax && records.length > 0) return records;
        records.push(cached[i]!);
      }
    }
    return records.length > 0 ? records : null;
  }
}

import type { PartitionId, ReadOptions, StoredRecord } from '../event-log.js';
import { patiently } from './kafka-client.js';
import type { Fetched, KafkaFetcher } from './kafka-fetch.js';
import { sizeOfRecord, type PartitionTail, type TailCache } from '../tail-cache.js';

const batchBytesDefault = 4 * 1024 * 1024;
/** The broker holds a fetch that finds nothing for this long. */
const longPollMs = 500;
/** A reader that does not follow gives up after the brokers were away for this long. */
const givesUpAfterMs = 15_000;

/**
 * The readers of one partition in this process. Those at the same place share one fetch and get the same record objects, so that
 * what one projection decoded the other need not decode again.
 */
export class KafkaPartition {
  readonly #fetches = new Map<string, Promise<Fetched>>();
  #tail: { readonly cached: PartitionTail; next: number } | null = null;

  constructor(
    readonly topic: string,
    readonly id: PartitionId,
    private readonly fetcher: KafkaFetcher,
    private readonly cache: TailCache,
  ) {}

  async *read(from: number, end: number, options: ReadOptions): AsyncGenerator<readonly StoredRecord[]> {
    const { follow, signal, batchBytesMax = batchBytesDefault } = options;
    let next = from;
    while (!signal.aborted && (follow || next < end)) {
      const ready = this.#cached(next, batchBytesMax);
      if (ready) {
        next = ready[ready.length - 1]!.offset + 1;
        yield ready;
        continue;
      }
      const at = next;
      const fetched = await patiently(() => this.#fetch(at, batchBytesMax, follow ? longPollMs : 0), {
        what: 'be read',
        givesUpAfterMs: follow ? Infinity : givesUpAfterMs,
        signal,
      });
      if (fetched === null) return;
      for (const batch of cut(fetched.records, batchBytesMax)) {
        if (signal.aborted) return;
        yield batch;
      }
      next = Math.max(next, fetched.next);
    }
  }

  #cached(from: number, bytesMax: number): StoredRecord[] | null {
    return this.#tail?.cached.has(from) ? this.#tail.cached.slice(from, bytesMax) : null;
  }

  #fetch(from: number, bytesMax: number, waitMs: number): Promise<Fetched> {
    const name = `${from} ${waitMs} ${bytesMax}`;
    let fetch = this.#fetches.get(name);
    if (!fetch) {
      fetch = this.fetcher
        .fetch({ topic: this.topic, partition: this.id, from, bytesMax, waitMs })
        .then((fetched) => {
          this.#remember(from, fetched);
          return fetched;
        })
        .finally(() => this.#fetches.delete(name));
      this.#fetches.set(name, fetch);
    }
    return fetch;
  }

  /** Only what follows on what is kept, and only without holes: the cache counts offsets. */
  #remember(from: number, { records, next }: Fetched): void {
    const first = records[0];
    if (!first || first.offset !== from || next - from !== records.length) return;
    if (this.#tail && from < this.#tail.next) return;
    if (this.#tail?.next !== from) this.#tail = { cached: this.cache.partition(), next: from };
    this.#tail.cached.push(
      records,
      records.reduce((sum, record) => sum + sizeOfRecord(record), 0),
    );
    this.#tail.next = next;
  }
}

function* cut(records: readonly StoredRecord[], bytesMax: number): Generator<readonly StoredRecord[]> {
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < records.length; i++) {
    const size = sizeOfRecord(records[i]!);
    if (i > start && bytes + size > bytesMax) {
      yield records.slice(start, i);
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < records.length) yield start === 0 ? records : records.slice(start);
}

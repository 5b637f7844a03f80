import { Unavailable } from '#libs/domain/rejection.js';
import { partitionName } from '#libs/domain/position-token.js';
import type { EventLog, PartitionId, StoredRecord } from '#libs/log/event-log.js';

type Deliver = (records: readonly StoredRecord[], next: number) => void;

interface Watcher {
  readonly deliver: Deliver;
  /** Records below it are not wanted. */
  from: number;
  /** While it catches up by itself the shared reader's records wait here; null when it is live. */
  waiting: (readonly StoredRecord[])[] | null;
  waitingBytes: number;
}

interface Shared {
  readonly partition: PartitionId;
  readonly watchers: Set<Watcher>;
  readonly stop: AbortController;
  readonly started: Promise<void>;
  next: number;
}

/** What a catching-up watcher may hold back before it reads on from the log instead. */
const waitingBytesMax = 8 * 1024 * 1024;

/**
 * One reader per partition that somebody watches, from the end of the log, fanned out in process. A watcher that wants older
 * records reads those by itself and then joins: nothing is missed, nothing is delivered twice.
 */
export class LogTail {
  private readonly shared = new Map<string, Shared>();

  constructor(
    private readonly log: EventLog,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Calls `deliver` with all records from `from` on (absent: from the end as of now), until aborted. Resolves once it is live. */
  async watch(
    partition: PartitionId,
    from: number | undefined,
    deliver: Deliver,
    signal: AbortSignal,
  ): Promise<number> {
    const shared = this.share(partition);
    const watcher: Watcher = { deliver, from: 0, waiting: [], waitingBytes: 0 };
    shared.watchers.add(watcher);
    const leave = (): void => {
      shared.watchers.delete(watcher);
      if (shared.watchers.size > 0) return;
      shared.stop.abort();
      const name = partitionName(partition.topic, partition.partition);
      if (this.shared.get(name) === shared) this.shared.delete(name);
    };
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    try {
      await shared.started;
      watcher.from = from ?? shared.next;
      await this.catchUp(shared, watcher, signal);
    } catch (error) {
      leave();
      throw error;
    }
    return watcher.from;
  }

  private share(partition: PartitionId): Shared {
    const name = partitionName(partition.topic, partition.partition);
    const known = this.shared.get(name);
    if (known) return known;
    const stop = new AbortController();
    let ready = (): void => undefined;
    let broken: (error: unknown) => void = () => undefined;
    const started = new Promise<void>((resolve, reject) => {
      ready = resolve;
      broken = reject;
    });
    const shared: Shared = { partition, watchers: new Set(), stop, started, next: 0 };
    this.shared.set(name, shared);
    void this.follow(shared, ready).catch((error: unknown) => {
      if (this.shared.get(name) === shared) this.shared.delete(name);
      broken(error);
      // the log is away: those who watch are told, and may come again
      if (!stop.signal.aborted && !(error instanceof Unavailable)) this.onFailure(error);
    });
    return shared;
  }

  private async follow(shared: Shared, ready: () => void): Promise<void> {
    const { partition, stop } = shared;
    const ranges = await this.log.ranges(partition.topic);
    shared.next = ranges.find((range) => range.partition === partition.partition)?.end ?? 0;
    ready();
    for await (const records of this.log.read(partition, shared.next, { follow: true, signal: stop.signal })) {
      shared.next = records[records.length - 1]!.offset + 1;
      for (const watcher of shared.watchers) {
        if (watcher.waiting === null) {
          this.hand(watcher, records);
          continue;
        }
        watcher.waiting.push(records);
        watcher.waitingBytes += records.reduce((sum, record) => sum + record.value.length, 0);
        if (watcher.waitingBytes > waitingBytesMax) {
          watcher.waiting = [];
          watcher.waitingBytes = 0;
        }
      }
    }
  }

  private async catchUp(shared: Shared, watcher: Watcher, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // what has been held back so far covers [first, next) without a hole; read from the log up to there
      const first = watcher.waiting?.[0]?.[0]?.offset ?? shared.next;
      if (watcher.from >= first) {
        const waiting = watcher.waiting ?? [];
        watcher.waiting = null;
        for (const records of waiting) this.hand(watcher, records);
        return;
      }
      for await (const records of this.log.read(shared.partition, watcher.from, { follow: false, signal })) {
        this.hand(watcher, records);
        if (watcher.from >= (watcher.waiting?.[0]?.[0]?.offset ?? shared.next)) break;
      }
    }
  }

  private hand(watcher: Watcher, records: readonly StoredRecord[]): void {
    const last = records[records.length - 1]!.offset;
    if (last < watcher.from) return;
    const wanted =
      records[0]!.offset >= watcher.from ? records : records.filter((record) => record.offset >= watcher.from);
    watcher.from = last + 1;
    watcher.deliver(wanted, watcher.from);
  }
}

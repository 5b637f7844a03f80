import { Unreadable } from '#libs/domain/rejection.js';
import { formatPositionToken, partitionName } from '#libs/domain/position-token.js';
import type { PartitionId, StoredRecord } from '#libs/log/event-log.js';
import { readValidEvent } from '#libs/log/event-record.js';
import type { LogTail } from '#libs/live/log-tail.js';
import { FrameBuilder, type FrameSeries, type SeriesFilter } from '#libs/live/metric-frame.js';

export interface FeedLimits {
  readonly tickMs: number;
  /** Frames kept for viewers that are behind; who falls out of them gets a fresh snapshot. */
  readonly keptPointsMax: number;
  readonly keptFramesMax: number;
}
export const feedLimits: FeedLimits = { tickMs: 100, keptPointsMax: 500_000, keptFramesMax: 600 };

export interface KeptFrame {
  readonly index: number;
  readonly cursor: string;
  readonly points: number;
  readonly series: readonly FrameSeries[];
}

/** Adds the points of a record to a builder if they are the run's. */
export function collectPoints(record: StoredRecord, run: string, builder: FrameBuilder): void {
  if (record.headers['ce_subject'] !== run) return;
  let event;
  try {
    event = readValidEvent(record);
  } catch (error) {
    if (error instanceof Unreadable) return; // the projector sets it aside and names it
    throw error;
  }
  if (event.name !== 'PointsLogged') return;
  const { rank, attempt } = event.writer ?? { rank: 0, attempt: 1 };
  for (const block of event.data.blocks) builder.add(block, rank, attempt, event.timeMs);
}

/**
 * Frames of one run for one choice of series, built once per tick whoever watches. Viewers hold an index into the kept frames,
 * never a queue of their own.
 */
export class MetricFeed {
  private readonly kept: KeptFrame[] = [];
  private keptPoints = 0;
  private nextIndex = 0;
  private readonly positions = new Map<string, number>();
  private readonly builder: FrameBuilder;
  private dirty = false;
  private timer: NodeJS.Timeout | null = null;
  private lastBuiltAt = 0;
  private wakers = new Set<() => void>();
  private readonly stop = new AbortController();

  private constructor(
    private readonly run: string,
    filter: SeriesFilter,
    private readonly limits: FeedLimits,
  ) {
    this.builder = new FrameBuilder(filter);
  }

  static async open(
    tail: LogTail,
    run: string,
    partitions: readonly PartitionId[],
    filter: SeriesFilter,
    limits: FeedLimits = feedLimits,
  ): Promise<MetricFeed> {
    const feed = new MetricFeed(run, filter, limits);
    await Promise.all(
      partitions.map(async (partition) => {
        const name = partitionName(partition.topic, partition.partition);
        const deliver = (records: readonly StoredRecord[], next: number): void => feed.take(name, records, next);
        const from = await tail.watch(partition, undefined, deliver, feed.stop.signal);
        if (!feed.positions.has(name)) feed.positions.set(name, from);
      }),
    );
    return feed;
  }

  close(): void {
    this.stop.abort();
    if (this.timer) clearTimeout(this.timer);
    this.wake();
  }

  /** Where a viewer joins: everything before `positions` it must fetch itself, frames from `index` on bring the rest. */
  join(): { readonly index: number; readonly positions: ReadonlyMap<string, number> } {
    this.build();
    return { index: this.nextIndex, positions: new Map(this.positions) };
  }

  /** Frames from an index on; null when some of them are no longer kept. */
  since(index: number): readonly KeptFrame[] | null {
    const first = this.nextIndex - this.kept.length;
    return index < first ? null : this.kept.slice(index - first);
  }

  /** Resolves when there is a frame with this index or a later one, or the feed or the viewer ends. */
  async waitFor(index: number, signal: AbortSignal): Promise<void> {
    while (this.nextIndex <= index && !signal.aborted && !this.stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          this.wakers.delete(end);
          signal.removeEventListener('abort', end);
          resolve();
        };
        this.wakers.add(end);
        signal.addEventListener('abort', end, { once: true });
      });
    }
  }

  private take(name: string, records: readonly StoredRecord[], next: number): void {
    const before = this.builder.points;
    for (const record of records) collectPoints(record, this.run, this.builder);
    this.positions.set(name, next);
    if (this.builder.points === before) return;
    this.dirty = true;
    if (this.builder.points > this.limits.keptPointsMax / 4) this.build();
    else this.schedule();
  }

  private schedule(): void {
    if (this.timer) return;
    const waitMs = Math.max(0, this.limits.tickMs - (performance.now() - this.lastBuiltAt));
    this.timer = setTimeout(() => {
      this.timer = null;
      this.build();
    }, waitMs);
  }

  private build(): void {
    if (!this.dirty) return;
    this.dirty = false;
    this.lastBuiltAt = performance.now();
    const points = this.builder.points;
    const cursor = formatPositionToken(this.positions);
    this.kept.push({ index: this.nextIndex++, cursor, points, series: this.builder.take() });
    this.keptPoints += points;
    while (
      this.kept.length > 1 &&
      (this.keptPoints > this.limits.keptPointsMax || this.kept.length > this.limits.keptFramesMax)
    ) {
      this.keptPoints -= this.kept.shift()!.points;
    }
    this.wake();
  }

  private wake(): void {
    const wakers = [...this.wakers];
    this.wakers.clear();
    for (const waker of wakers) waker();
  }
}

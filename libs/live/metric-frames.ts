import {
  formatPositionToken,
  parsePositionToken,
  partitionName,
  type PositionToken,
} from '#libs/domain/position-token.js';
import { Rejection } from '#libs/domain/rejection.js';
import { abortableSource } from '#libs/live/abortable-source.js';
import type { LogTail } from '#libs/live/log-tail.js';
import { collectPoints, feedLimits, MetricFeed, type FeedLimits } from '#libs/live/metric-feed.js';
import { FrameBuilder, type FrameSeries, type MetricFrame, type SeriesFilter } from '#libs/live/metric-frame.js';
import type { EventLog, PartitionId } from '#libs/log/event-log.js';

export interface MetricFramesQuery {
  readonly run: string;
  readonly partitions: readonly PartitionId[];
  readonly keys?: readonly string[] | undefined;
  readonly ranks?: readonly number[] | undefined;
  /** Newest points per series in a snapshot; the store has a limit of its own. */
  readonly pointsMax?: number | undefined;
  /** Cursor of the last frame the viewer has. */
  readonly after?: string | undefined;
}

/**
 * The stored state for a snapshot, with the positions it surely contains; with `atLeast` it waits until the store contains these,
 * and throws `Unavailable` or a `Rejection` STALE_POSITION when that takes too long.
 */
export type Snapshot = (
  query: MetricFramesQuery,
  atLeast?: PositionToken,
) => Promise<{ readonly contains: PositionToken; readonly series: readonly FrameSeries[] }>;

/** A viewer that is farther behind than this many records gets a snapshot instead of a replay. */
const replayRecordsMax = 20_000;

/** Live frames of runs: one feed per (run, choice of series), shared by all who watch it. */
export class MetricFrames {
  private readonly feeds = new Map<string, { readonly feed: Promise<MetricFeed>; viewers: number }>();

  constructor(
    private readonly log: EventLog,
    private readonly tail: LogTail,
    private readonly snapshot: Snapshot,
    private readonly limits: FeedLimits = feedLimits,
  ) {}

  /** Snapshot (or replay from `after`), then frames, without a gap; overlap is possible, viewers upsert. */
  subscribe(query: MetricFramesQuery): AsyncIterableIterator<MetricFrame> {
    return abortableSource((signal) => this.frames(query, signal));
  }

  private async *frames(query: MetricFramesQuery, signal: AbortSignal): AsyncGenerator<MetricFrame> {
    const filter: SeriesFilter = {
      keys: query.keys && new Set(query.keys),
      ranks: query.ranks && new Set(query.ranks),
    };
    const name = JSON.stringify([query.run, query.keys?.toSorted(), query.ranks?.toSorted((a, b) => a - b)]);
    const feed = await this.enter(name, query, filter);
    try {
      let cursor = query.after === undefined ? null : readCursor(query.after);
      while (!signal.aborted) {
        const joined = feed.join();
        yield* this.opening(query, filter, cursor, joined.positions, signal);
        let index = joined.index;
        for (;;) {
          await feed.waitFor(index, signal);
          if (signal.aborted) return;
          const frames = feed.since(index);
          if (frames === null) break; // too far behind: begin again with a snapshot
          if (frames.length === 0) return; // the feed has ended
          index = frames[frames.length - 1]!.index + 1;
          yield merged(frames);
        }
        cursor = null;
      }
    } finally {
      this.leave(name);
    }
  }

  private async *opening(
    query: MetricFramesQuery,
    filter: SeriesFilter,
    cursor: PositionToken | null,
    until: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): AsyncGenerator<MetricFrame> {
    if (cursor !== null) {
      const replayed = await this.replay(query, filter, cursor, until, signal);
      if (replayed) {
        if (replayed.length > 0) yield { cursor: formatPositionToken(until), snapshot: false, series: replayed };
        return;
      }
    }
    let { contains, series } = await this.snapshot(query);
    let rest = await this.replay(query, filter, contains, until, signal);
    if (rest === null) {
      // the store is far behind the log: better late than with a gap
      ({ contains, series } = await this.snapshot(query, until));
      rest = (await this.replay(query, filter, contains, until, signal)) ?? [];
    }
    const builder = new FrameBuilder({});
    builder.append(series);
    builder.append(rest);
    yield { cursor: formatPositionToken(until), snapshot: true, series: builder.take() };
  }

  /** Points between two positions straight from the log; null when that is too far. */
  private async replay(
    query: MetricFramesQuery,
    filter: SeriesFilter,
    from: PositionToken,
    until: ReadonlyMap<string, number>,
    signal: AbortSignal,
  ): Promise<readonly FrameSeries[] | null> {
    const spans = query.partitions.map((partition) => {
      const name = partitionName(partition.topic, partition.partition);
      const end = until.get(name) ?? 0;
      return { partition, start: Math.min(from.get(name) ?? 0, end), end };
    });
    const records = spans.reduce((sum, { start, end }) => sum + end - start, 0);
    if (records > replayRecordsMax) return null;
    const builder = new FrameBuilder(filter);
    for (const { partition, start, end } of spans) {
      if (start === end) continue;
      for await (const batch of this.log.read(partition, start, { follow: false, signal })) {
        for (const record of batch) if (record.offset < end) collectPoints(record, query.run, builder);
        if (batch[batch.length - 1]!.offset + 1 >= end) break;
      }
    }
    return builder.take();
  }

  private enter(name: string, query: MetricFramesQuery, filter: SeriesFilter): Promise<MetricFeed> {
    let entry = this.feeds.get(name);
    if (!entry) {
      entry = { feed: MetricFeed.open(this.tail, query.run, query.partitions, filter, this.limits), viewers: 0 };
      entry.feed.catch(() => this.feeds.delete(name));
      this.feeds.set(name, entry);
    }
    entry.viewers += 1;
    return entry.feed;
  }

  private leave(name: string): void {
    const entry = this.feeds.get(name);
    if (!entry || --entry.viewers > 0) return;
    this.feeds.delete(name);
    void entry.feed.then((feed) => feed.close());
  }
}

function readCursor(text: string): PositionToken {
  try {
    return parsePositionToken(text);
  } catch (error) {
    throw new Rejection('INVALID_ARGUMENT', (error as Error).message.replace(/^position/, 'after'), 'after');
  }
}

function merged(frames: ReturnType<MetricFeed['since']> & object): MetricFrame {
  const cursor = frames[frames.length - 1]!.cursor;
  if (frames.length === 1) return { cursor, snapshot: false, series: frames[0]!.series };
  const builder = new FrameBuilder({});
  for (const frame of frames) builder.append(frame.series);
  return { cursor, snapshot: false, series: builder.take() };
}

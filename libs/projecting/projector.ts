import { Unavailable } from '#libs/domain/rejection.js';
import { partitionName } from '#libs/domain/position-token.js';
import type { EventLog, PartitionId, StoredRecord } from '#libs/log/event-log.js';
import type { ApplyOutcome, ProjectedBatch, Projection } from '#libs/projecting/projection.js';
import type { Progress } from '#libs/projecting/progress.js';

export interface ProjectorLimits {
  /**
   * A flush of telemetry begins this long after the start of the previous one, or as soon as `flushBytes` are there or a reader waits.
   * Subscribers are fed from the log, and while others read `watchedIntervalMs` counts.
   */
  readonly flushIntervalMs: number;
  /** The bound of the same while somebody reads telemetry without saying what he has seen. A store that is quick is asked sooner. */
  readonly watchedIntervalMs: number;
  /** The bound of the same where somebody may wait for a verdict: every topic but telemetry. There a quick store is asked sooner. */
  readonly promptIntervalMs: number;
  readonly flushBytes: number;
  /** Read-ahead bound: beyond it reading pauses until a batch is applied. */
  readonly queueBytesMax: number;
  readonly backoffMs: readonly [first: number, max: number];
  /** A partition that somebody else has claimed is left alone for this long; then the assignment decides. */
  readonly fencedPauseMs: number;
}
export const projectorLimits: ProjectorLimits = {
  flushIntervalMs: 1_000,
  watchedIntervalMs: 150,
  promptIntervalMs: 50,
  flushBytes: 4 * 1024 * 1024,
  queueBytesMax: 12 * 1024 * 1024,
  backoffMs: [50, 5_000],
  fencedPauseMs: 1_000,
};

export interface ProjectorOptions {
  readonly log: EventLog;
  readonly projection: Projection;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Writes one batch; by default the projection itself. In Nest the handler of the transport stands here. */
  readonly apply?: (batch: ProjectedBatch) => Promise<ApplyOutcome>;
  readonly limits?: ProjectorLimits;
  readonly onStuck?: (partition: PartitionId, reason: string) => void;
  readonly onFenced?: (partition: PartitionId) => void;
}

/**
 * The one projector loop: follows the partitions this process owns, hands batches to the projection, and waits when a store is
 * down. Resolves when the signal aborts; rejects when the projection fails for a reason that waiting can't mend.
 */
export async function runProjector(options: ProjectorOptions): Promise<void> {
  const { log, projection, signal } = options;
  const failure = new AbortController();
  const outer = AbortSignal.any([signal, failure.signal]);
  let failed: { readonly error: unknown } | null = null;
  const following = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>();
  const leave = async (names: readonly string[]): Promise<void> => {
    const left = names.map((name) => following.get(name)!);
    for (const name of names) following.delete(name);
    for (const { stop } of left) stop.abort();
    await Promise.all(left.map(({ done }) => done));
  };
  try {
    for await (const { partitions } of log.assignments(
      `runstream-${projection.name}-${projection.generation}`,
      projection.topics,
      outer,
    )) {
      const owned = new Map(partitions.map((id) => [partitionName(id.topic, id.partition), id]));
      // what stays goes on: had it been somebody else's in between, the epoch would tell
      await leave([...following.keys()].filter((name) => !owned.has(name)));
      for (const [name, partition] of owned) {
        if (following.has(name)) continue;
        const stop = new AbortController();
        const done = followPartition(partition, options, AbortSignal.any([outer, stop.signal])).catch(
          (error: unknown) => {
            failed ??= { error };
            failure.abort();
          },
        );
        following.set(name, { stop, done });
      }
    }
  } finally {
    await leave([...following.keys()]);
  }
  if (failed !== null) throw (failed as { error: unknown }).error;
}

/**
 * Follows one partition for as long as it is assigned. A store that was put back is claimed again and filled from where it is. So is
 * a partition that somebody else has claimed, after a pause: two that were given it one after the other may have claimed in the
 * other order, and the assignment tells at the end whose it is.
 */
async function followPartition(partition: PartitionId, options: ProjectorOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    switch (await followClaim(partition, options, signal)) {
      case 'ended':
        return;
      case 'stale':
        continue;
      case 'fenced':
        await pause((options.limits ?? projectorLimits).fencedPauseMs, signal);
    }
  }
}

async function followClaim(
  partition: PartitionId,
  options: ProjectorOptions,
  signal: AbortSignal,
): Promise<'ended' | 'stale' | 'fenced'> {
  const { projection, progress, limits = projectorLimits } = options;
  const stuck = (reason: string): void => {
    progress.stuck(projection.name, partition, reason);
    options.onStuck?.(partition, reason);
  };
  const claim = await persist(() => projection.claim(partition), limits, signal, stuck);
  if (claim === undefined) return 'ended';
  let position = claim.position;
  progress.moved(projection.name, partition, position);
  const apply = options.apply ?? ((batch: ProjectedBatch) => projection.apply(batch));
  const hurry: Hurry = {
    wanted: () => progress.wanted(projection.name, partition),
    watched: () => progress.watched,
    onWaiting: (wake) => progress.onWaiting(wake),
  };
  for await (const records of batches(options.log, partition, position, limits, signal, hurry)) {
    const to = records[records.length - 1]!.offset + 1;
    const batch: ProjectedBatch = { partition, epoch: claim.epoch, from: position, to, records };
    const outcome = await persist(() => apply(batch), limits, signal, stuck);
    switch (outcome) {
      case undefined:
        return 'ended';
      case 'stale':
        return 'stale';
      case 'fenced':
        options.onFenced?.(partition);
        return 'fenced';
      case 'applied':
        position = to;
        progress.moved(projection.name, partition, position);
    }
  }
  return 'ended';
}

/** Repeats while the world is down; undefined when told to stop. Anything but `Unavailable` is ours and goes up. */
export async function persist<T>(
  work: () => Promise<T>,
  limits: ProjectorLimits,
  signal: AbortSignal,
  stuck: (reason: string) => void,
): Promise<T | undefined> {
  let delayMs = limits.backoffMs[0];
  while (!signal.aborted) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof Unavailable)) throw error;
      stuck(error.message);
      await pause(delayMs, signal);
      delayMs = Math.min(delayMs * 2, limits.backoffMs[1]);
    }
  }
  return undefined;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    // a signal that has been given says nothing to who listens afterwards
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}

const bytesOf = (records: readonly StoredRecord[]): number =>
  records.reduce((sum, record) => sum + record.value.length + 64, 0);

/** Somebody waits for what a batch would bring: a reader, or the sender of a command for its verdict. */
export interface Hurry {
  wanted(): boolean;
  /** Somebody reads, and does not say what he has seen. */
  watched(): boolean;
  onWaiting(wake: () => void): () => void;
}
const nobody: Hurry = { wanted: () => false, watched: () => false, onWaiting: () => () => undefined };
const isCommand = ({ headers }: StoredRecord): boolean => headers['ce_reply'] === '1';

/**
 * Reads ahead while a batch is being applied and hands over everything that has come in meanwhile, so that batches grow with the
 * load by themselves: a lone event is passed on at once, a flood in blocks of `flushBytes`.
 */
export async function* batches(
  log: EventLog,
  partition: PartitionId,
  from: number,
  limits: ProjectorLimits,
  signal: AbortSignal,
  hurry: Hurry = nobody,
): AsyncIterable<readonly StoredRecord[]> {
  const soon = (boundMs: number): number => Math.min(boundMs, Math.max(gatherMs, busyMs * idleFactor));
  const intervalMs = (): number => {
    if (partition.topic !== 'telemetry') return soon(limits.promptIntervalMs);
    return hurry.watched() ? soon(Math.min(limits.watchedIntervalMs, limits.flushIntervalMs)) : limits.flushIntervalMs;
  };
  let queue: (readonly StoredRecord[])[] = [];
  let queuedBytes = 0;
  let wake = (): void => undefined;
  let ended: { readonly error?: unknown } | null = null;
  let room = (): void => undefined;
  const stop = new AbortController();
  const inner = AbortSignal.any([signal, stop.signal]);
  const onAbort = (): void => {
    wake();
    room();
  };
  inner.addEventListener('abort', onAbort, { once: true });

  const stopHurry = hurry.onWaiting(() => wake());
  let commands = false;
  const full = (): boolean => queuedBytes >= limits.flushBytes || commands || hurry.wanted();

  const reading = (async () => {
    for await (const records of log.read(partition, from, { follow: true, signal: inner })) {
      queue.push(records);
      queuedBytes += bytesOf(records);
      commands ||= records.some(isCommand);
      wake();
      if (queuedBytes > limits.queueBytesMax && !inner.aborted) await new Promise<void>((resolve) => (room = resolve));
    }
  })().then(
    () => (ended = {}),
    (error: unknown) => (ended = { error }),
  );
  void reading.then(() => wake());

  let flushedAt = -Infinity;
  let busyMs = 0;
  try {
    for (;;) {
      while (queue.length === 0 && ended === null && !inner.aborted)
        await new Promise<void>((resolve) => (wake = resolve));
      if (inner.aborted) return;
      if (queue.length === 0) {
        const end = ended as { error?: unknown } | null;
        if (end && 'error' in end) throw end.error;
        return;
      }
      await lull();
      if (inner.aborted) return;
      const ready: StoredRecord[] = [];
      let bytes = 0;
      while (queue.length > 0 && (bytes < limits.flushBytes || ready.length === 0)) {
        const records = queue.shift()!;
        bytes += bytesOf(records);
        for (const record of records) ready.push(record);
      }
      queuedBytes -= bytes;
      commands = queue.some((records) => records.some(isCommand));
      room();
      flushedAt = performance.now();
      yield ready;
      busyMs = performance.now() - flushedAt;
    }
  } finally {
    stopHurry();
    stop.abort();
    queue = [];
    room();
    await reading;
  }

  /** Until the interval is over, which is another one as soon as somebody reads, or what has come is enough. */
  async function lull(): Promise<void> {
    for (;;) {
      const until = flushedAt + intervalMs();
      if (inner.aborted || full() || performance.now() >= until) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, until - performance.now()));
        wake = () => {
          if (!full() && !inner.aborted && flushedAt + intervalMs() >= until) return;
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** A flush begins at the earliest after this many times what the one before took: two thirds of the time are left to others. */
const idleFactor = 3;
/** What comes within this time shares a flush, however fast the store is. */
const gatherMs = 10;

/** Where a projection stands against the log, per partition: what readiness and the metrics page show. */
export interface ProjectionLag {
  readonly projection: string;
  readonly generation: number;
  readonly partition: string;
  readonly position: number;
  readonly end: number;
  readonly waiting: string | null;
}

export async function projectionLags(
  log: EventLog,
  projection: Projection,
  progress: Progress,
): Promise<readonly ProjectionLag[]> {
  const ranges = (await Promise.all(projection.topics.map((topic) => log.ranges(topic)))).flat();
  return ranges.map((range) => {
    const partition = partitionName(range.topic, range.partition);
    return {
      projection: projection.name,
      generation: projection.generation,
      partition,
      position: progress.position(projection.name, partition) ?? 0,
      end: range.end,
      waiting: progress.waitingReason(projection.name, partition),
    };
  });
}

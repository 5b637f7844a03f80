import type { Topic } from '#libs/domain/event.js';
import { partitionName } from '#libs/domain/position-token.js';
import type { EventLog, PartitionId } from '#libs/log/event-log.js';
import type { Claim, Projection, ProjectionFamily } from '#libs/projecting/projection.js';
import { batches, persist, projectorLimits } from '#libs/projecting/projector.js';

export interface RebuildReport {
  readonly family: string;
  readonly from: number;
  readonly to: number;
  readonly records: number;
  readonly liveDigest: string;
  readonly rebuiltDigest: string;
  readonly equal: boolean;
  readonly switched: boolean;
  /** What was wrong with the live tables; then their difference is no reason to keep them. */
  readonly damage: readonly string[];
}

/** The live generation without a projector that writes to it. */
export interface PausedLive {
  /** With which the holder may write to it; null: it claims as anybody does. */
  readonly claims: ReadonlyMap<string, Claim> | null;
  /** Lets projectors go on, on whatever generation is live then. */
  resume(this: void, switched: boolean): Promise<void>;
}

export interface RebuildOptions {
  readonly pauseLive: () => Promise<PausedLive>;
  /** Switch even if the digests differ: for when the live tables are known to be wrong. */
  readonly force?: boolean;
  /** What is known to be wrong with the live tables; absent: it is looked for, at every byte. */
  readonly damage?: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress?: (records: number) => void;
}

/** Below this many records behind the live generation the live projector is paused for the last stretch. */
const lastStretchRecords = 2_000;
const roundsMax = 8;
/**
 * A store without transactions may hold rows of batches that fenced projectors of other processes had in their hands, some of them beyond
 * the end that was looked at. They learn that they are fenced with their next checkpoint, so a newer end soon holds all such rows.
 */
const sharedLooks = 3;

/**
 * Fills a new generation of a family's tables from the log beside the live one, which goes on; pauses it only for the last
 * stretch, compares the digests at exactly the same positions and switches if they are equal. The old generation is kept.
 */
export async function rebuild(
  log: EventLog,
  family: ProjectionFamily,
  options: RebuildOptions,
): Promise<RebuildReport> {
  const { live: from, all } = await family.generations();
  const damage = options.damage ?? (await family.damage(() => Promise.resolve()));
  const live = await family.live();
  const next = await family.openGeneration(Math.max(from, ...all) + 1);
  const filler = await Filler.open(log, next, options);
  for (let round = 0; round < roundsMax; round++) {
    if ((await filler.fillTo(await live.checkpoints())) < lastStretchRecords) break;
  }
  const paused = await options.pauseLive();
  let switched = false;
  try {
    let [liveDigest, rebuiltDigest] = ['damaged', 'unread'];
    if (damage.length > 0) {
      await filler.fillTo(await endsOf(log, family.topics));
      rebuiltDigest = await next.digest();
    } else {
      const liveFiller = await Filler.open(log, live, { signal: options.signal }, paused.claims);
      for (let look = 1; look <= (paused.claims ? sharedLooks : 1) && liveDigest !== rebuiltDigest; look++) {
        const ends = await endsOf(log, family.topics);
        await liveFiller.fillTo(ends);
        await filler.fillTo(ends);
        [liveDigest, rebuiltDigest] = [await live.digest(), await next.digest()];
      }
    }
    const equal = liveDigest === rebuiltDigest;
    switched = equal || options.force === true || damage.length > 0;
    if (switched) await family.switchTo(next.generation);
    const { records } = filler;
    return {
      family: family.name,
      from,
      to: next.generation,
      records,
      liveDigest,
      rebuiltDigest,
      equal,
      switched,
      damage,
    };
  } finally {
    await paused.resume(switched);
  }
}

async function endsOf(log: EventLog, topics: readonly Topic[]): Promise<ReadonlyMap<string, number>> {
  const ranges = (await Promise.all(topics.map((topic) => log.ranges(topic)))).flat();
  return new Map(ranges.map(({ topic, partition, end }) => [partitionName(topic, partition), end]));
}

/** Projectors of other processes have gone over to a new generation by then: its predecessor may be dropped. */
export const othersGoOverMs = 3_000;
/** A hold outlives its holder by at most this. */
const leaseMs = 30_000;

/**
 * Pauses the projectors of a generation in whatever process they are, through its checkpoints. After a switch the hold is left to
 * run out: they must go over to the new generation, and tell nobody of positions in the old one any more.
 */
export async function holdLive(live: Projection): Promise<PausedLive> {
  const claims = await live.hold(leaseMs);
  const renewing = setInterval(() => void live.hold(leaseMs).catch(() => undefined), leaseMs / 3);
  return {
    claims,
    resume: async (switched) => {
      clearInterval(renewing);
      if (!switched) await live.hold(0);
    },
  };
}

/** Also drops those that were kept because the log had lost what they have seen. */
export async function dropOthers(family: ProjectionFamily): Promise<void> {
  const { live, all } = await family.generations();
  for (const generation of all) if (generation !== live) await family.drop(generation);
}

/** Fills a generation from the log up to given positions, any number of times. */
export class Filler {
  records = 0;
  private constructor(
    private readonly log: EventLog,
    private readonly projection: Projection,
    private readonly options: Pick<RebuildOptions, 'signal' | 'onProgress'>,
    private readonly parts: { readonly partition: PartitionId; readonly epoch: number; position: number }[],
  ) {}

  static async open(
    log: EventLog,
    projection: Projection,
    options: Pick<RebuildOptions, 'signal' | 'onProgress'>,
    claims: ReadonlyMap<string, Claim> | null = null,
  ): Promise<Filler> {
    const parts = [];
    for (const topic of projection.topics) {
      for (let index = 0; index < log.partitionCount(topic); index++) {
        const partition = { topic, partition: index };
        const held = claims?.get(partitionName(topic, index));
        parts.push({ partition, ...(held ?? (await projection.claim(partition))) });
      }
    }
    return new Filler(log, projection, options, parts);
  }

  /** Applies everything before the given positions; says how many records that were. */
  async fillTo(positions: ReadonlyMap<string, number>): Promise<number> {
    const before = this.records;
    // side by side: while a store takes a batch of one partition, the next one's is read and encoded
    const filling = this.parts.map(async (part) => {
      const end = positions.get(partitionName(part.partition.topic, part.partition.partition)) ?? 0;
      if (part.position < end) await this.fill(part, end);
    });
    for (const result of await Promise.allSettled(filling)) if (result.status === 'rejected') throw result.reason;
    return this.records - before;
  }

  private async fill(
    part: { readonly partition: PartitionId; readonly epoch: number; position: number },
    end: number,
  ): Promise<void> {
    const { signal, onProgress } = this.options;
    const limits = { ...projectorLimits, flushIntervalMs: 0, promptIntervalMs: 0 };
    for await (const read of batches(this.log, part.partition, part.position, limits, signal)) {
      const records = read[read.length - 1]!.offset < end ? read : read.filter((record) => record.offset < end);
      const to = records[records.length - 1]!.offset + 1;
      const batch = { partition: part.partition, epoch: part.epoch, from: part.position, to, records };
      const outcome = await persist(
        () => this.projection.apply(batch),
        limits,
        signal,
        () => undefined,
      );
      if (outcome === 'fenced' || outcome === 'stale') {
        throw new Error(
          `rebuild of ${this.projection.name}: generation ${this.projection.generation} is being written by somebody else`,
        );
      }
      if (outcome === undefined) break;
      this.records += records.length;
      onProgress?.(this.records);
      part.position = to;
      if (to >= end) return;
    }
    signal.throwIfAborted();
  }
}

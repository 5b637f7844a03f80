import type { Topic } from '#libs/domain/event.js';
import type { PartitionId, StoredRecord } from '#libs/log/event-log.js';

/** Ownership of one partition: `epoch` grows with every claim; writes with an older epoch are refused. */
export interface Claim {
  readonly epoch: number;
  /** First offset that is not yet applied. */
  readonly position: number;
}

/**
 * 'applied': the rows and the checkpoint are stored (also when an earlier try of the same batch had done it and its answer was
 * lost). 'fenced': somebody else owns the partition. 'stale': the partition is ours, but the checkpoint is somewhere else (the store
 * was put back): claim again. Nothing moved in the last two.
 */
export type ApplyOutcome = 'applied' | 'fenced' | 'stale';

export interface ProjectedBatch {
  readonly partition: PartitionId;
  readonly epoch: number;
  /** The checkpoint this batch starts from; the compare half of compare-and-set. */
  readonly from: number;
  /** The checkpoint after it. */
  readonly to: number;
  readonly records: readonly StoredRecord[];
}

/** Set aside, never dropped: why a record could not be applied, and its bytes. */
export interface DeadLetter extends PartitionId {
  readonly projection: string;
  readonly offset: number;
  readonly reason: string;
  readonly record: StoredRecord;
}

/**
 * Turns batches of events into rows of one generation of tables. Deterministic; reads its own store only, no clock, no random.
 * The loop, retries and backoff are not its business.
 */
export interface Projection {
  readonly name: string;
  readonly generation: number;
  readonly topics: readonly Topic[];
  /** Takes a partition over: returns the new epoch and the stored checkpoint (0 when there is none). `Unavailable` while it is held. */
  claim(partition: PartitionId): Promise<Claim>;
  /**
   * Writes the rows and moves the checkpoint from -> to by compare-and-set on (epoch, from): in one transaction where the store has
   * them, after the store's ack where not. Unreadable records are stored as
   * dead letters on the way. Throws `Unavailable` when the store is down: the caller waits and repeats the same batch.
   */
  apply(batch: ProjectedBatch): Promise<ApplyOutcome>;
  /**
   * Takes every partition from its owner and lets nobody claim one for this long (a lease: it ends by itself if the holder dies); 0
   * lets go. Gives the claims of the holder, by partition name, who alone may write meanwhile; holding what is held prolongs it.
   */
  hold(leaseMs: number): Promise<ReadonlyMap<string, Claim>>;
  /** Hash of all rows in a stated order, equal for equal sets of events (law 9). */
  digest(): Promise<string>;
  /** Stored checkpoints: partition name ("runs/0") -> first offset not yet applied. */
  checkpoints(): Promise<ReadonlyMap<string, number>>;
}

/** A noun whose tables can be rebuilt: generations beside each other, one of them live. */
export interface ProjectionFamily {
  readonly name: string;
  readonly topics: readonly Topic[];
  /** The live generation; made at first use. */
  live(): Promise<Projection>;
  /** Creates (or opens) the tables of a generation beside the live one. */
  openGeneration(generation: number): Promise<Projection>;
  /** Stored checkpoints of a generation, live or kept: partition name -> first offset not yet applied. */
  checkpointsOf(generation: number): Promise<ReadonlyMap<string, number>>;
  /**
   * What is wrong with the tables of the live generation: missing, emptied, damaged; nothing: they hold what they held at the last look.
   * `rest` asks for a thorough look at every byte, and is waited for in between.
   */
  damage(rest?: (busyMs: number) => Promise<void>): Promise<readonly string[]>;
  /** True: this process alone mends the tables for so long. */
  lease(holder: string, leaseMs: number): Promise<boolean>;
  /** All generations that have tables, and which one is live. */
  generations(): Promise<{ readonly live: number; readonly all: readonly number[] }>;
  /** Atomically makes readers use this generation from now on; the old one is kept. */
  switchTo(generation: number): Promise<void>;
  /** Drops the tables of a generation that is not live. */
  drop(generation: number): Promise<void>;
}

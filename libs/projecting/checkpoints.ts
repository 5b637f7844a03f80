import type { PartitionId } from '#libs/log/event-log.js';
import type { ApplyOutcome, Claim, DeadLetter } from '#libs/projecting/projection.js';

/** Checkpoints of a projection whose own store has no transactions. Kept beside the run tables. Names are "points@3" (generation 3). */
export interface Checkpoints {
  /** Throws `Unavailable` while the partition is held. */
  claim(projection: string, partition: PartitionId): Promise<Claim>;
  /** Compare-and-set on (epoch, from); the dead letters of the batch are stored in the same transaction. */
  advance(
    projection: string,
    partition: PartitionId,
    move: {
      readonly epoch: number;
      readonly from: number;
      readonly to: number;
      readonly deadLetters: readonly DeadLetter[];
    },
  ): Promise<ApplyOutcome>;
  /**
   * Takes all partitions from whoever owns them and lets nobody claim them for this long; 0 lets go. Gives the claims of the holder;
   * holding what is held prolongs it.
   */
  hold(projection: string, leaseMs: number): Promise<ReadonlyMap<string, Claim>>;
  all(projection: string): Promise<ReadonlyMap<string, number>>;
  remove(projection: string): Promise<void>;
  /** What the store of a projection held at the last look, as its guard has written it; kept until the checkpoints are removed. */
  remember(projection: string, record: string): Promise<void>;
  remembered(projection: string): Promise<string | null>;
  /** Names of all that have been claimed once, with this beginning. */
  names(beginning: string): Promise<readonly string[]>;
  /** True: ours alone for this long, unless taken again before; somebody who dies lets go by that. */
  lease(name: string, holder: string, leaseMs: number): Promise<boolean>;
}

import { Rejection } from '#libs/domain/rejection.js';
import { partitionName, type PositionToken } from '#libs/domain/position-token.js';
import type { PartitionId } from '#libs/log/event-log.js';

interface Waiter {
  readonly projections: readonly string[];
  readonly token: PositionToken;
  readonly resolve: () => void;
}

/** How far each projection has come, here or in other processes, and who waits for it (law 5: read your writes). */
export class Progress {
  private readonly positions = new Map<string, Map<string, number>>();
  private readonly waiting = new Map<string, string>();
  private readonly waiters = new Set<Waiter>();

  /** `announce` is told of every position that a projector of this process has reached. */
  constructor(private readonly announce?: (projection: string, name: string, position: number) => void) {}

  /** `position` is the first offset not yet applied. It may go back when a generation is switched. */
  moved(projection: string, partition: PartitionId, position: number): void {
    const name = partitionName(partition.topic, partition.partition);
    this.waiting.delete(`${projection} ${name}`);
    this.observed(projection, name, position);
    this.announce?.(projection, name, position);
  }

  /** A stored position, whoever has put it there. */
  observed(projection: string, name: string, position: number): void {
    let partitions = this.positions.get(projection);
    if (!partitions) this.positions.set(projection, (partitions = new Map<string, number>()));
    partitions.set(name, position);
    for (const waiter of this.waiters) if (this.contains(waiter.projections, waiter.token)) waiter.resolve();
  }

  /** The projector can't go on for now, and why: shown by readiness. */
  stuck(projection: string, partition: PartitionId, reason: string): void {
    this.waiting.set(`${projection} ${partitionName(partition.topic, partition.partition)}`, reason);
  }

  position(projection: string, name: string): number | undefined {
    return this.positions.get(projection)?.get(name);
  }

  /** Positions of all partitions of a projection. */
  token(projection: string): PositionToken {
    return new Map(this.positions.get(projection) ?? []);
  }

  waitingReason(projection: string, name: string): string | null {
    return this.waiting.get(`${projection} ${name}`) ?? null;
  }

  /** Resolves when all the projections contain everything before the token; refuses with STALE_POSITION after the time-out. */
  async waitFor(projections: readonly string[], token: PositionToken, timeoutMs: number): Promise<void> {
    if (this.contains(projections, token)) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(
          new Rejection(
            'STALE_POSITION',
            `the read models have not reached the asked position within ${timeoutMs} ms; ask again later`,
            'at',
          ),
        );
      }, timeoutMs);
      const waiter: Waiter = {
        projections,
        token,
        resolve: () => {
          clearTimeout(timer);
          this.waiters.delete(waiter);
          resolve();
        },
      };
      this.waiters.add(waiter);
    });
  }

  private contains(projections: readonly string[], token: PositionToken): boolean {
    for (const projection of projections) {
      const partitions = this.positions.get(projection);
      for (const [name, end] of token) {
        const position = partitions?.get(name);
        // a projection that does not follow this topic has nothing to wait for, once it has claimed what it follows
        if (position === undefined ? partitions === undefined || this.follows(projection, name) : position < end)
          return false;
      }
    }
    return true;
  }

  private follows(projection: string, name: string): boolean {
    const topic = name.slice(0, name.indexOf('/') + 1);
    return [...(this.positions.get(projection)?.keys() ?? [])].some((other) => other.startsWith(topic));
  }
}

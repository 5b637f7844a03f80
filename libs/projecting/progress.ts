import { Rejection } from '#libs/domain/rejection.js';
import { partitionName, type PositionToken } from '#libs/domain/position-token.js';
import type { PartitionId } from '#libs/log/event-log.js';

interface Waiter {
  readonly projections: readonly string[];
  readonly token: PositionToken;
  readonly resolve: () => void;
}

/** Of positions that a projector of this process has reached, or a reader of it waits for. */
export interface ProgressListener {
  moved(projection: string, name: string, position: number): void;
  wanted(projection: string, name: string, position: number): void;
  /** Somebody reads without saying what he has seen. */
  looked(): void;
}

/** Who has read telemetry reads it again soon, or nobody does: for so long it is kept fresher. */
const lookedForMs = 1_000;
/** Other processes are told this often at most. */
const lookToldEveryMs = 300;

/** Readers give up sooner. A position that never comes, made up by somebody, must not hurry the projectors for ever. */
const wantedForMs = 15_000;

/** How far each projection has come, here or in other processes, and who waits for it (law 5: read your writes). */
export class Progress {
  private readonly positions = new Map<string, Map<string, number>>();
  private readonly waiting = new Map<string, string>();
  private readonly waiters = new Set<Waiter>();
  private readonly hurries = new Set<() => void>();
  /** What readers of other processes wait for: the highest position of each "projection partition", and until when they do. */
  private readonly wantedElsewhere = new Map<string, { readonly position: number; readonly untilMs: number }>();

  private lookedUntilMs = -Infinity;
  private lookToldMs = -Infinity;

  /** Other processes, where there are any, are told what is reached and what is waited for here. */
  constructor(private readonly others?: ProgressListener) {}

  /** `position` is the first offset not yet applied. It may go back when a generation is switched. */
  moved(projection: string, partition: PartitionId, position: number): void {
    const name = partitionName(partition.topic, partition.partition);
    this.waiting.delete(`${projection} ${name}`);
    this.observed(projection, name, position);
    this.others?.moved(projection, name, position);
  }

  /** A stored position, whoever has put it there. */
  observed(projection: string, name: string, position: number): void {
    let partitions = this.positions.get(projection);
    if (!partitions) this.positions.set(projection, (partitions = new Map<string, number>()));
    partitions.set(name, position);
    for (const waiter of this.waiters) if (this.contains(waiter.projections, waiter.token)) waiter.resolve();
  }

  /** A reader of another process waits for this position. */
  want(projection: string, name: string, position: number): void {
    const nowMs = performance.now();
    for (const [key, { untilMs }] of this.wantedElsewhere) if (untilMs <= nowMs) this.wantedElsewhere.delete(key);
    const key = `${projection} ${name}`;
    const before = this.wantedElsewhere.get(key)?.position ?? 0;
    if (position <= (this.position(projection, name) ?? 0) || position < before) return;
    this.wantedElsewhere.set(key, { position, untilMs: nowMs + wantedForMs });
    for (const hurry of this.hurries) hurry();
  }

  /** Somebody reads telemetry here, without saying what he has seen: he may be polling. */
  look(): void {
    this.lookedAt();
    const nowMs = performance.now();
    if (!this.others || nowMs < this.lookToldMs + lookToldEveryMs) return;
    this.lookToldMs = nowMs;
    this.others.looked();
  }

  /** Somebody has read telemetry, in this process or in another one. */
  lookedAt(): void {
    const nowMs = performance.now();
    const news = nowMs >= this.lookedUntilMs;
    this.lookedUntilMs = nowMs + lookedForMs;
    if (news) for (const hurry of this.hurries) hurry();
  }

  /** Whether telemetry has been read lately: it is kept fresh then. */
  get watched(): boolean {
    return performance.now() < this.lookedUntilMs;
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
      for (const hurry of this.hurries) hurry();
      if (this.others) this.tellWanted(this.others, waiter);
    });
  }

  /** Whether a reader waits for more of a partition than a projection contains: whoever collects a batch should end it. */
  wanted(projection: string, partition: PartitionId): boolean {
    const name = partitionName(partition.topic, partition.partition);
    const position = this.position(projection, name) ?? 0;
    const elsewhere = this.wantedElsewhere.get(`${projection} ${name}`);
    if (elsewhere && elsewhere.position > position && elsewhere.untilMs > performance.now()) return true;
    for (const waiter of this.waiters)
      if (waiter.projections.includes(projection) && (waiter.token.get(name) ?? 0) > position) return true;
    return false;
  }

  /** Calls back when a reader begins to wait, or to look; ends with the returned function. */
  onWaiting(hurry: () => void): () => void {
    this.hurries.add(hurry);
    return () => this.hurries.delete(hurry);
  }

  private tellWanted(others: ProgressListener, { projections, token }: Waiter): void {
    for (const projection of projections)
      for (const [name, end] of token)
        if (end > (this.position(projection, name) ?? 0)) others.wanted(projection, name, end);
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

import { Unavailable } from '#libs/domain/rejection.js';
import { partitionName } from '#libs/domain/position-token.js';
import type { PartitionId } from '#libs/log/event-log.js';
import type { Checkpoints } from '#libs/projecting/checkpoints.js';
import type { ApplyOutcome, Claim, DeadLetter } from '#libs/projecting/projection.js';

/** The `Checkpoints` port in memory, for specs: the same compare-and-set, lost with the process. */
export class MemoryCheckpoints implements Checkpoints {
  readonly deadLetters: DeadLetter[] = [];
  readonly #held = new Set<string>();
  readonly #rows = new Map<string, Map<string, { epoch: number; position: number }>>();

  claim(projection: string, partition: PartitionId): Promise<Claim> {
    if (this.#held.has(projection)) return Promise.reject(new Unavailable(`${projection} is held`));
    const row = this.#row(projection, partition);
    row.epoch++;
    return Promise.resolve({ ...row });
  }

  advance(
    projection: string,
    partition: PartitionId,
    move: Parameters<Checkpoints['advance']>[2],
  ): Promise<ApplyOutcome> {
    const row = this.#row(projection, partition);
    if (row.epoch !== move.epoch) return Promise.resolve('fenced');
    if (row.position !== move.from) return Promise.resolve(row.position === move.to ? 'applied' : 'stale');
    row.position = move.to;
    this.deadLetters.push(...move.deadLetters);
    return Promise.resolve('applied');
  }

  /** The lease itself is not measured here: it ends by 0 only. */
  hold(projection: string, leaseMs: number): Promise<ReadonlyMap<string, Claim>> {
    const rows = this.#rows.get(projection) ?? new Map<string, { epoch: number; position: number }>();
    if (leaseMs === 0 || !this.#held.has(projection)) for (const row of rows.values()) row.epoch++;
    if (leaseMs === 0) this.#held.delete(projection);
    else this.#held.add(projection);
    return Promise.resolve(new Map([...rows].map(([name, row]) => [name, { ...row }])));
  }

  all(projection: string): Promise<ReadonlyMap<string, number>> {
    const rows = this.#rows.get(projection) ?? new Map<string, { position: number }>();
    return Promise.resolve(new Map([...rows].map(([name, { position }]) => [name, position])));
  }

  remove(projection: string): Promise<void> {
    this.#rows.delete(projection);
    this.#records.delete(projection);
    return Promise.resolve();
  }

  names(beginning: string): Promise<readonly string[]> {
    return Promise.resolve([...this.#rows.keys()].filter((name) => name.startsWith(beginning)));
  }

  #row(projection: string, partition: PartitionId): { epoch: number; position: number } {
    const rows = this.#rows.get(projection) ?? new Map<string, { epoch: number; position: number }>();
    this.#rows.set(projection, rows);
    const name = partitionName(partition.topic, partition.partition);
    const row = rows.get(name) ?? { epoch: 0, position: 0 };
    rows.set(name, row);
    return row;
  }

  readonly #records = new Map<string, string>();

  remember(projection: string, record: string): Promise<void> {
    this.#records.set(projection, record);
    return Promise.resolve();
  }

  remembered(projection: string): Promise<string | null> {
    return Promise.resolve(this.#records.get(projection) ?? null);
  }

  readonly #leases = new Map<string, string>();

  /** Like a hold, it ends by 0 only. */
  lease(name: string, holder: string, leaseMs: number): Promise<boolean> {
    const ours = (this.#leases.get(name) ?? holder) === holder;
    if (ours && leaseMs > 0) this.#leases.set(name, holder);
    else if (ours) this.#leases.delete(name);
    return Promise.resolve(ours);
  }
}

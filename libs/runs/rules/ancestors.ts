import type { RunRow } from '../run-table.js';

/** A run that another one was forked from: what of it the fork has inherited. */
export interface Ancestor {
  readonly run: string;
  /** The attempt that was forked; later ones of the ancestor are not seen. Null: its newest. */
  readonly attempt: number | null;
  /** Last inherited step. Null: all of them. */
  readonly step: number | null;
  /** Unix ms when the fork began: where it leaves off in time. */
  readonly forkedAt: number;
}
type Forked = Pick<RunRow, 'id' | 'forkOf' | 'startedAt'>;

/** Forks of forks are followed this far. */
export const ancestorsMax = 32;

/** Whom a run was forked from, the oldest first. `read` gives null for a run that is not there, or deleted. */
export async function ancestorsOf(run: Forked, read: (id: string) => Promise<Forked | null>): Promise<Ancestor[]> {
  const ancestors: Ancestor[] = [];
  const seen = new Set([run.id]);
  let step: number | null = null;
  let forkedAt = Infinity;
  for (let child: Forked = run; child.forkOf && ancestors.length < ancestorsMax && !seen.has(child.forkOf.run);) {
    const fork = child.forkOf;
    seen.add(fork.run);
    const parent = await read(fork.run);
    // a deleted run is not there, also not for those who came from it
    if (!parent) break;
    // what a fork has of its grandparents is no more than its parent had when it was forked
    if (fork.step !== null) step = Math.min(step ?? Infinity, fork.step);
    forkedAt = Math.min(forkedAt, child.startedAt);
    ancestors.unshift({ run: parent.id, attempt: fork.attempt, step, forkedAt });
    child = parent;
  }
  return ancestors;
}

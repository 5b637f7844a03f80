import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { int64Column } from '../tables/growable-column.js';
import { never } from '../tables/rollup-columns.js';

/** What an event tells of an attempt of a run. */
export interface AttemptTold {
  readonly run: bigint;
  readonly attempt: number;
  /** Unix ms; 0: not told. */
  readonly startedAt: number;
  /** The program said that it goes back to this step; null: it did not. */
  readonly fromStep: number | null;
}

/** Rows of the table of attempts; the table keeps the latest start and the lowest step. */
export class AttemptRows {
  readonly #told = new Map<string, AttemptTold>();

  add(told: AttemptTold): void {
    const name = `${told.run} ${told.attempt}`;
    const known = this.#told.get(name);
    if (!known) this.#told.set(name, told);
    else if (told.startedAt > known.startedAt || (told.fromStep ?? Infinity) < (known.fromStep ?? Infinity))
      this.#told.set(name, {
        ...known,
        startedAt: Math.max(known.startedAt, told.startedAt),
        fromStep: lower(known.fromStep, told.fromStep),
      });
  }

  get rows(): number {
    return this.#told.size;
  }

  blockColumns(): BlockColumn[] {
    const rows = [...this.#told.values()];
    const steps = Float64Array.from(rows, ({ fromStep }) => fromStep ?? never);
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(rows, ({ run }) => run) },
      { name: 'attempt', type: 'UInt16', data: Uint16Array.from(rows, ({ attempt }) => attempt) },
      { name: 'started_at', type: 'Int64', data: int64Column(Float64Array.from(rows, ({ startedAt }) => startedAt)) },
      { name: 'from_step', type: 'Int64', data: int64Column(steps) },
    ];
  }
}

const lower = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));

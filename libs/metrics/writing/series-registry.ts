import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { systemKey } from '#libs/domain/system-key.js';
import { clockKey, nameHash, systemClockKey } from '../metric-names.js';
import { tableOf } from '../tables/clickhouse-schema.js';

export interface SeriesState {
  readonly key: string;
  readonly hash: bigint;
  readonly system: boolean;
  readonly clock: boolean;
  /** The dictionary has it. */
  stored: boolean;
  /** Known to hold a step written twice. */
  rewritten: boolean;
  /** (attempt, rank) -> lowest and highest step written. */
  readonly reach: Map<number, { readonly first: number; readonly last: number }>;
}

export interface RunState {
  readonly id: string;
  readonly hash: bigint;
  readonly series: Map<string, SeriesState>;
  /** Attempt -> when it began, Unix ms; 0: not told. */
  readonly attempts: Map<number, number>;
  /** Ranks whose reach is known. */
  readonly ranks: Set<number>;
  named: boolean;
}

export const reachKey = (attempt: number, rank: number): number => attempt * 2_097_152 + rank;

/**
 * What this process knows of the stored series: a cache of the tables, filled for each (run, rank) when first seen. Forgotten whole
 * when a write failed, because it then no longer tells what is stored. A rank's points are all in one partition, whose batches come one
 * after the other; what ranks share (is a key in the dictionary, was it rewritten) only ever turns true, after it is stored.
 */
export class SeriesRegistry {
  readonly #runs = new Map<string, RunState>();
  #seriesCount = 0;
  /** How often it was forgotten: batches of several partitions use it at once, and what one loaded another's failure takes away. */
  forgotten = 0;

  constructor(
    readonly client: ClickHouseClient,
    readonly generation: number,
    readonly seriesMax: number,
  ) {}

  forget(): void {
    this.#runs.clear();
    this.#seriesCount = 0;
    this.forgotten += 1;
  }

  /** Keeps it bounded; to be called before a batch is read, never in the middle of one. */
  trim(): void {
    if (this.#seriesCount > this.seriesMax) this.forget();
  }

  run(id: string): RunState {
    let state = this.#runs.get(id);
    if (!state) {
      state = { id, hash: nameHash(id), series: new Map(), attempts: new Map(), ranks: new Set(), named: false };
      this.#runs.set(id, state);
    }
    return state;
  }

  series(run: RunState, key: string): SeriesState {
    let state = run.series.get(key);
    if (!state) {
      const clock = key === clockKey || key === systemClockKey;
      const [stored, rewritten] = [false, false];
      state = { key, hash: nameHash(key), system: systemKey(key), clock, stored, rewritten, reach: new Map() };
      run.series.set(key, state);
      this.#seriesCount++;
    }
    return state;
  }

  /** Reads what is stored of these runs and ranks, unless it is known. */
  async load(wanted: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
    const runs = new Map<bigint, RunState>();
    const ranks = new Set<number>();
    for (const [id, needed] of wanted) {
      const run = this.run(id);
      for (const rank of needed) {
        if (run.ranks.has(rank)) continue;
        runs.set(run.hash, run);
        ranks.add(rank);
      }
    }
    if (runs.size === 0) return;
    const { forgotten } = this;
    await this.#loadStored(runs, [...ranks]);
    if (forgotten !== this.forgotten) return;
    for (const [id, needed] of wanted) for (const rank of needed) this.run(id).ranks.add(rank);
  }

  async #loadStored(runs: ReadonlyMap<bigint, RunState>, ranks: readonly number[]): Promise<void> {
    const table = (name: Parameters<typeof tableOf>[1]): string => tableOf(this.generation, name);
    const inRuns = `run IN (${[...runs.keys()].join(', ')})`;
    const inRanks = ranks.length > 2_000 ? '1' : `rank IN (${ranks.join(', ')})`;
    const [names, spans, attempts] = await Promise.all([
      this.client.query(
        `SELECT run, any(key) AS name, (run, series) IN (SELECT run, series FROM ${table('rewritten')} WHERE ${inRuns}) AS again
         FROM ${table('series')} WHERE ${inRuns} GROUP BY run, series`,
      ),
      this.client.query(
        `SELECT p.run AS run, any(s.key) AS name, toUInt32(attempt) AS attempt, rank, toFloat64(min(first_step)) AS first, toFloat64(max(last_step)) AS last
         FROM ${table('spans')} AS p INNER JOIN (SELECT run, series, any(key) AS key FROM ${table('series')} WHERE ${inRuns} GROUP BY run, series) AS s
           ON p.run = s.run AND p.series = s.series
         WHERE p.${inRuns} AND ${inRanks} GROUP BY p.run, p.series, attempt, rank`,
      ),
      this.client.query(
        `SELECT run, toUInt32(attempt) AS a, toFloat64(max(started_at)) AS started FROM ${table('attempts')} WHERE ${inRuns} GROUP BY run, attempt`,
      ),
    ]);
    for (let i = 0; i < attempts.rows; i++) {
      const known = runs.get(attempts.u64('run')[i]!)!.attempts;
      const attempt = attempts.u32('a')[i]!;
      known.set(attempt, Math.max(attempts.f64('started')[i]!, known.get(attempt) ?? 0));
    }
    for (let i = 0; i < names.rows; i++) {
      const state = this.series(runs.get(names.u64('run')[i]!)!, names.texts('name')[i]!);
      state.stored = true;
      if (names.u8('again')[i]) state.rewritten = true;
    }
    for (let i = 0; i < spans.rows; i++) {
      const state = this.series(runs.get(spans.u64('run')[i]!)!, spans.texts('name')[i]!);
      const at = reachKey(spans.u32('attempt')[i]!, spans.u32('rank')[i]!);
      const known = state.reach.get(at);
      state.reach.set(at, {
        first: Math.min(known?.first ?? Infinity, spans.f64('first')[i]!),
        last: Math.max(known?.last ?? -Infinity, spans.f64('last')[i]!),
      });
    }
  }
}

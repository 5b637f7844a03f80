import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { MetricTablesBroken } from '#libs/clickhouse/clickhouse-errors.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { tableOf, type TableName } from './clickhouse-schema.js';
import { GenerationTable } from './points-generation.js';

export type TableLookup = (name: TableName) => string;

const freshMs = 1_000;

/** Which generation readers use. Looked up at most once a second: a switch leaves the old tables in place until they are dropped. */
export class LiveGeneration {
  readonly #table: GenerationTable;
  #known: { readonly generation: number; readonly at: number } | null = null;

  constructor(
    client: ClickHouseClient,
    readonly now: () => number,
  ) {
    this.#table = new GenerationTable(client, () => '');
  }

  /** Runs the question; once more if its tables were dropped meanwhile. */
  async ask<T>(question: (table: TableLookup) => Promise<T>): Promise<T> {
    const generation = await this.#current();
    try {
      return await question((name) => tableOf(generation, name));
    } catch (error) {
      if (!(error instanceof MetricTablesBroken)) throw error;
      this.#known = null;
      const next = await this.#current();
      if (next === generation) throw error;
      return question((name) => tableOf(next, name));
    }
  }

  async #current(): Promise<number> {
    const now = this.now();
    if (this.#known && now - this.#known.at < freshMs) return this.#known.generation;
    const generation = await this.#table.live();
    if (generation === null)
      throw new Unavailable('the metric store has no tables yet: a projector makes them when it starts');
    this.#known = { generation, at: now };
    return generation;
  }
}

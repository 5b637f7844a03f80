import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { insertSettings, placementSettings } from '#libs/clickhouse/clickhouse-placement.js';
import {
  amendTables,
  createPointers,
  createTables,
  createViews,
  dropTables,
  laterColumns,
  tableOf,
} from './clickhouse-schema.js';

export interface GenerationRow {
  readonly generation: number;
  /** Drawn when its tables were made. */
  readonly marker: string;
}

/** The durable list of generations and the pointer to the live one. */
export class GenerationTable {
  constructor(
    readonly client: ClickHouseClient,
    readonly randomHex: () => string,
  ) {}

  async prepare(): Promise<void> {
    await this.#change(createPointers(this.client.placement));
  }

  async all(): Promise<readonly GenerationRow[]> {
    const rows = await this.client.query(
      'SELECT generation, marker FROM generations FINAL WHERE NOT dropped ORDER BY generation',
    );
    const markers = rows.rows ? rows.texts('marker') : [];
    return markers.map((marker, index) => ({ generation: rows.u32('generation')[index]!, marker }));
  }

  /** The live generation, null before the first switch. */
  async live(): Promise<number | null> {
    const rows = await this.client.query(
      'SELECT argMax(generation, version) AS generation, count() AS n FROM live_generation',
    );
    return rows.u64('n')[0] ? rows.u32('generation')[0]! : null;
  }

  /** Makes the tables of a generation, or finds them. */
  async open(generation: number): Promise<GenerationRow> {
    let known = (await this.all()).find((row) => row.generation === generation);
    if (known && (await this.#outdated(generation))) {
      await this.#change(dropTables(generation, this.client.placement));
      known = undefined;
    }
    await this.#change(createTables(generation, this.client.placement));
    if (known) {
      await this.#change(amendTables(generation, this.client.placement));
      return known;
    }
    const marker = this.randomHex().slice(0, 12);
    await this.#write('generations', { generation, marker, dropped: 0 }, await this.#nextVersion('generations'));
    return { generation, marker };
  }

  /** Tables of another shape were made by an older program. Under a new marker their checkpoints start anew. */
  async #outdated(generation: number): Promise<boolean> {
    const later = laterColumns.map(
      ({ table, column }) => `table = '${tableOf(generation, table)}' AND name = '${column}'`,
    );
    const rows = await this.client.query(
      `SELECT countIf(table = '${tableOf(generation, 'points')}') AS n,
         countIf(${later.join(' OR ')}) AS later
       FROM system.columns WHERE database = currentDatabase()`,
    );
    return rows.u64('n')[0]! > 0n && rows.u64('later')[0]! < BigInt(later.length);
  }

  async switchTo(generation: number): Promise<void> {
    const version = await this.#nextVersion('live_generation');
    await this.#write('live_generation', { one: 1, generation }, version);
    await this.makeViews(generation);
  }

  async makeViews(generation: number): Promise<void> {
    await this.#change(createViews(generation, this.client.placement));
  }

  async drop(row: GenerationRow): Promise<void> {
    await this.#write('generations', { ...row, dropped: 1 }, await this.#nextVersion('generations'));
    await this.#change(dropTables(row.generation, this.client.placement));
  }

  /** Side by side: each waits for the disk, and a person waits for all of them. */
  async #change(statements: readonly string[]): Promise<void> {
    const settings = placementSettings(this.client.placement);
    await Promise.all(statements.map((statement) => this.client.command(statement, settings)));
  }

  async #nextVersion(table: string): Promise<bigint> {
    const rows = await this.client.query(`SELECT max(version) + 1 AS version FROM ${table}`);
    return rows.u64('version')[0]!;
  }

  async #write(table: string, values: Readonly<Record<string, string | number>>, version: bigint): Promise<void> {
    const names = Object.keys(values);
    const texts = Object.values(values).map((value) => (typeof value === 'number' ? String(value) : `'${value}'`));
    await this.client.command(
      `INSERT INTO ${table} (${names.join(', ')}, version) VALUES (${texts.join(', ')}, ${version})`,
      insertSettings(this.client.placement),
    );
  }
}

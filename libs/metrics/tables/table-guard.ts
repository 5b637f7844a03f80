import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { MetricTablesBroken } from '#libs/clickhouse/clickhouse-errors.js';
import type { Checkpoints } from '#libs/projecting/checkpoints.js';
import { tableNames, tableOf } from './clickhouse-schema.js';
import { missingParts, readParts, writeParts, type Part } from './parts-record.js';

export interface GuardedTables {
  readonly generation: number;
  /** Under which their checkpoints and the record of their parts are kept. */
  readonly checkpointName: string;
}

/** Of several replicas one may be behind the others for a while: what is missing has to be missing in so many looks on end. */
const looksOfReplicas = 6;
/** Each is said, up to this many. */
const saidMax = 5;

/**
 * Whether the tables of a generation still hold what they once held. ClickHouse sets parts aside that it can't read, and takes a folder that
 * is gone for one that never was, both without a word; so the names and hashes of parts are kept beside the checkpoints.
 */
export class TableGuard {
  #wrongLooks = 0;

  constructor(
    private readonly client: ClickHouseClient,
    private readonly checkpoints: Checkpoints,
  ) {}

  /** What is wrong as far as names and sizes tell; where nothing is, what is there now is kept as the record. */
  async look(tables: GuardedTables): Promise<readonly string[]> {
    const [kept, missingTables, detached] = await Promise.all([
      this.checkpoints.remembered(tables.checkpointName),
      this.#missingTables(tables.generation),
      this.#detached(tables.generation),
    ]);
    const now = await this.#parts(tables.generation);
    const wrong = [
      ...missingTables.map((table) => `table ${table} is missing`),
      ...detached,
      ...(kept === null ? [] : missingParts(readParts(kept), now)),
    ];
    this.#wrongLooks = wrong.length > 0 ? this.#wrongLooks + 1 : 0;
    if (wrong.length > 0)
      return this.client.placement.replicated && this.#wrongLooks < looksOfReplicas ? [] : shortened(wrong);
    const record = writeParts(now);
    if (record !== kept) await this.checkpoints.remember(tables.checkpointName, record);
    return [];
  }

  /** Also reads every byte and compares it with its checksum, one part after the other; `rest` is waited for in between. */
  async lookThoroughly(tables: GuardedTables, rest: (busyMs: number) => Promise<void>): Promise<readonly string[]> {
    const wrong = [...(await this.look(tables))];
    if (wrong.length > 0) return wrong;
    for (const table of tableNames.map((name) => tableOf(tables.generation, name))) {
      const parts = (await this.#parts(tables.generation)).filter((part) => part.table === table);
      for (const { partition, min, max, level } of parts) {
        const since = performance.now();
        const found = await this.#check(table, `${partition}_${min}_${max}_${level}`);
        if (found !== null) wrong.push(found);
        await rest(performance.now() - since);
      }
    }
    return shortened(wrong);
  }

  async #check(table: string, part: string): Promise<string | null> {
    try {
      const rows = await this.client.query(`CHECK TABLE ${table} PART '${part}'`, {
        settings: { check_query_single_value_result: '0', max_threads: '1' },
      });
      const bad = rows.rows > 0 && rows.u8('is_passed')[0] === 0;
      return bad ? `${table}.${part} is damaged: ${rows.texts('message')[0]}` : null;
    } catch (error) {
      if (!(error instanceof MetricTablesBroken)) throw error;
      // merged meanwhile: what it was merged into has been read for that
      return error.code === noSuchPart ? null : `${table}.${part} is damaged: ${error.message}`;
    }
  }

  async #missingTables(generation: number): Promise<readonly string[]> {
    const rows = await this.client.query('SELECT name FROM system.tables WHERE database = currentDatabase()');
    const names = new Set(rows.rows > 0 ? rows.texts('name') : []);
    return tableNames.map((name) => tableOf(generation, name)).filter((name) => !names.has(name));
  }

  async #detached(generation: number): Promise<readonly string[]> {
    const rows = await this.client.query(
      `SELECT table, name FROM system.detached_parts WHERE database = currentDatabase() AND startsWith(table, 'g${generation}_')
         AND (startsWith(name, 'broken') OR startsWith(name, 'unexpected') OR startsWith(name, 'noquorum'))`,
    );
    if (rows.rows === 0) return [];
    const names = rows.texts('name');
    return rows.texts('table').map((table, index) => `${table}: ClickHouse has set ${names[index]} aside`);
  }

  async #parts(generation: number): Promise<readonly Part[]> {
    const rows = await this.client.query(
      `SELECT table, partition_id, name, hash_of_all_files AS hash FROM system.parts
       WHERE database = currentDatabase() AND active AND rows > 0 AND startsWith(table, 'g${generation}_') ORDER BY table, name`,
    );
    if (rows.rows === 0) return [];
    const [partitions, names, hashes] = [rows.texts('partition_id'), rows.texts('name'), rows.texts('hash')];
    return rows.texts('table').map((table, index) => {
      const partition = partitions[index]!;
      const [min, max, level, mutation] = names[index]!.slice(partition.length + 1).split('_');
      return {
        table,
        partition,
        min: Number(min),
        max: Number(max),
        level: Number(level),
        mutated: mutation !== undefined,
        hash: hashes[index]!,
      };
    });
  }
}

const noSuchPart = 232;

function shortened(wrong: readonly string[]): readonly string[] {
  return wrong.length <= saidMax ? wrong : [...wrong.slice(0, saidMax), `and ${wrong.length - saidMax} more`];
}

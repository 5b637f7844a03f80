import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Checkpoints } from '#libs/projecting/checkpoints.js';
import type { Projection, ProjectionFamily } from '#libs/projecting/projection.js';
import { GenerationTable } from '../tables/points-generation.js';
import { TableGuard } from '../tables/table-guard.js';
import { checkpointNameOf, PointsProjection, pointsTopics } from './points-projection.js';

export interface PointsFamilyOptions {
  readonly client: ClickHouseClient;
  readonly checkpoints: Checkpoints;
  /** Unpredictable text that names a generation's tables, so that a wiped store is noticed. */
  readonly randomHex: () => string;
  /** Told when the store is not the one that was filled before, which is then filled from the log. */
  readonly onReplaced?: () => void;
}

/** Makes the tables that are missing, the live generation and the views over it. */
export async function openPointsProjectionFamily(options: PointsFamilyOptions): Promise<ProjectionFamily> {
  const table = new GenerationTable(options.client, options.randomHex);
  await table.prepare();
  const family = new PointsProjectionFamily(options, table, new TableGuard(options.client, options.checkpoints));
  await family.live();
  await family.sayReplaced();
  // views of an older program are replaced
  await table.makeViews((await family.generations()).live);
  return family;
}

class PointsProjectionFamily implements ProjectionFamily {
  readonly name = 'points';
  readonly topics = pointsTopics;
  readonly #open = new Map<number, Promise<PointsProjection>>();

  constructor(
    readonly options: PointsFamilyOptions,
    readonly table: GenerationTable,
    readonly guard: TableGuard,
  ) {}

  async live(): Promise<Projection> {
    const live = await this.table.live();
    if (live !== null) return this.openGeneration(live);
    const projection = await this.openGeneration(1);
    await this.table.switchTo(1);
    return projection;
  }

  openGeneration(generation: number): Promise<Projection> {
    if (!Number.isSafeInteger(generation) || generation < 1)
      throw new Rejection('INVALID_ARGUMENT', `generation ${generation}: expected 1 or more`);
    let open = this.#open.get(generation);
    if (!open) {
      open = this.#make(generation);
      this.#open.set(generation, open);
      open.catch(() => this.#open.delete(generation));
    }
    return open;
  }

  async generations(): Promise<{ live: number; all: readonly number[] }> {
    const rows = await this.table.all();
    return { live: (await this.table.live()) ?? 1, all: rows.map((row) => row.generation) };
  }

  async checkpointsOf(generation: number): Promise<ReadonlyMap<string, number>> {
    const row = (await this.table.all()).find((one) => one.generation === generation);
    return row ? this.options.checkpoints.all(checkpointNameOf(row)) : new Map<string, number>();
  }

  /** Records of tables that no store has any more: it was wiped, or another one stands in its place. */
  async sayReplaced(): Promise<void> {
    const known = new Set((await this.table.all()).map(checkpointNameOf));
    const { checkpoints, onReplaced } = this.options;
    const gone = (await checkpoints.names('points@')).filter((name) => !known.has(name));
    if (gone.length > 0) onReplaced?.();
    for (const name of gone) await checkpoints.remove(name);
  }

  async damage(rest?: (busyMs: number) => Promise<void>): Promise<readonly string[]> {
    const live = await this.table.live();
    const row = (await this.table.all()).find(({ generation }) => generation === live);
    if (!row) return [];
    const tables = { generation: row.generation, checkpointName: checkpointNameOf(row) };
    return rest ? this.guard.lookThoroughly(tables, rest) : this.guard.look(tables);
  }

  lease(holder: string, leaseMs: number): Promise<boolean> {
    return this.options.checkpoints.lease('points are mended', holder, leaseMs);
  }

  async switchTo(generation: number): Promise<void> {
    await this.#known(generation);
    await this.table.switchTo(generation);
  }

  async drop(generation: number): Promise<void> {
    if ((await this.table.live()) === generation)
      throw new Rejection('INVALID_ARGUMENT', `generation ${generation} of points is live: switch to another first`);
    const row = await this.#known(generation);
    const projection = await this.#make(generation);
    await this.table.drop(row);
    this.#open.delete(generation);
    await this.options.checkpoints.remove(projection.checkpointName);
  }

  async #known(generation: number): Promise<{ generation: number; marker: string }> {
    const row = (await this.table.all()).find((one) => one.generation === generation);
    if (!row) throw new Rejection('NOT_FOUND', `points has no generation ${generation}`);
    return row;
  }

  async #make(generation: number): Promise<PointsProjection> {
    const { marker } = await this.table.open(generation);
    return new PointsProjection({
      client: this.options.client,
      checkpoints: this.options.checkpoints,
      generation,
      marker,
    });
  }
}

import { storableText } from '#libs/postgres/storable-text.js';
import type { ModelVersionState, RegisteredModelState } from '#libs/domain/registry-fold.js';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import type { ModelRegistry } from './model-registry.js';

export interface ModelRegistryOptions {
  readonly database: SqlDatabase;
  /** Which generation of the run tables is live; asked at every read. */
  readonly generations: () => Promise<{ readonly live: number }>;
}

export function openPostgresModelRegistry({ database, generations }: ModelRegistryOptions): ModelRegistry {
  const read = async <State>(table: string, where: string, order: string, parameters: readonly unknown[]) => {
    const schema = `runs_g${(await generations()).live}`;
    const rows = await database.query<{ state: State }>(
      `select state from ${schema}.${table} where ${where} order by ${order}`,
      parameters,
    );
    return rows.map(({ state }) => state);
  };
  const versions = (where: string, parameters: readonly unknown[]): Promise<readonly ModelVersionState[]> =>
    read('model_versions', where, 'name collate "C", version', parameters);
  return {
    models: (world) =>
      read<RegisteredModelState>('registered_models', 'world = $1', 'name collate "C"', [storableText(world)]),
    async model(world, name) {
      const where = 'world = $1 and name = $2';
      const [state] = await read<RegisteredModelState>('registered_models', where, 'name', [
        storableText(world),
        storableText(name),
      ]);
      return state ?? null;
    },
    versions: (world, name) =>
      name === undefined
        ? versions('world = $1', [storableText(world)])
        : versions('world = $1 and name = $2', [storableText(world), storableText(name)]),
    versionsOfRuns: (world, runs) =>
      versions('world = $1 and run = any($2::text[])', [storableText(world), runs.map(storableText)]),
  };
}

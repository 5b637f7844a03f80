import type { Event } from '#libs/domain/event.js';
import { isOfKind } from '#libs/domain/event-table.js';
import type { FoldVerdict } from '#libs/domain/run-fold-verdict.js';
import {
  foldRegistry,
  type ModelVersionState,
  type RegisteredModelState,
  type RegistryEntry,
  type RegistryEvent,
} from '#libs/domain/registry-fold.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';

const isRegistryEvent = (event: Event): event is RegistryEvent => isOfKind('registry', event);
const keyOf = (world: string, name: string): string => `${world} ${name}`;

/** The registered models that the events of one batch of the catalog are about, each with all its versions. */
export class RegistryBatch {
  private readonly dirty = new Set<string>();

  private constructor(
    private readonly session: SqlSession,
    private readonly schema: string,
    private readonly entries: Map<string, RegistryEntry>,
  ) {}

  static async load(session: SqlSession, schema: string, events: readonly Event[]): Promise<RegistryBatch> {
    const names = new Set<string>();
    for (const event of events) {
      if (!isRegistryEvent(event)) continue;
      names.add(event.data.name);
      if (event.name === 'RegisteredModelRenamed') names.add(event.data.newName);
    }
    const entries = new Map<string, RegistryEntry>();
    if (names.size > 0) {
      const models = await session.query<{ state: RegisteredModelState }>(
        `select state from ${schema}.registered_models where name = any($1::text[])`,
        [[...names]],
      );
      const versions = await session.query<{ state: ModelVersionState }>(
        `select state from ${schema}.model_versions where name = any($1::text[]) order by version`,
        [[...names]],
      );
      for (const { state } of models) {
        const own = versions.flatMap(({ state: version }) =>
          version.world === state.world && version.name === state.name ? [[version.version, version] as const] : [],
        );
        entries.set(keyOf(state.world, state.name), { model: state, versions: new Map(own) });
      }
    }
    return new RegistryBatch(session, schema, entries);
  }

  /** Null for an event that is none of the registry's. */
  apply(event: RegistryEvent): FoldVerdict {
    const { world, name } = event.data;
    const key = keyOf(world, name);
    const { entry, verdict } = foldRegistry(this.entries.get(key) ?? null, event, (other) =>
      this.entries.has(keyOf(world, other)),
    );
    if (!verdict.accepted) return verdict;
    this.dirty.add(key);
    if (entry === null || entry.model.name !== name) this.entries.delete(key);
    if (entry !== null) {
      this.entries.set(keyOf(world, entry.model.name), entry);
      this.dirty.add(keyOf(world, entry.model.name));
    }
    return verdict;
  }

  /** A changed model's rows are all written anew: there are few, and some may be gone. */
  async write(): Promise<void> {
    if (this.dirty.size === 0) return;
    const keys = [...this.dirty].map((key) => ({
      world: key.slice(0, key.indexOf(' ')),
      name: key.slice(key.indexOf(' ') + 1),
    }));
    for (const table of ['registered_models', 'model_versions'])
      await this.session.query(
        `delete from ${this.schema}.${table} t using json_to_recordset($1::json) as r(world text, name text)
         where t.world = r.world and t.name = r.name`,
        [JSON.stringify(keys)],
      );
    const entries = [...this.dirty].flatMap((key) => this.entries.get(key) ?? []);
    await writeRows(
      this.session,
      this.schema,
      modelsTable,
      entries.map(({ model }) => ({ world: model.world, name: model.name, state: model })),
    );
    await writeRows(
      this.session,
      this.schema,
      versionsTable,
      entries.flatMap(({ versions }) =>
        [...versions.values()].map((state) => ({
          world: state.world,
          name: state.name,
          version: state.version,
          run: state.run,
          state,
        })),
      ),
    );
  }
}

const modelsTable = {
  name: 'registered_models',
  key: ['world', 'name'],
  columns: { world: 'text', name: 'text', state: 'json' },
};
const versionsTable = {
  name: 'model_versions',
  key: ['world', 'name', 'version'],
  columns: { world: 'text', name: 'text', version: 'int', run: 'text', state: 'json' },
};

import {
  foldApiKey,
  foldProject,
  type ApiKeyEvent,
  type ApiKeyState,
  type ProjectEvent,
  type ProjectState,
} from '#libs/domain/catalog-fold.js';
import type { Event } from '#libs/domain/event.js';
import { isOfKind, type EventOnTopic } from '#libs/domain/event-table.js';
import type { RegistryEvent } from '#libs/domain/registry-fold.js';
import type { FoldVerdict } from '#libs/domain/run-fold-verdict.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { RegistryBatch } from '#libs/registry/registry-batch.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';
import { projectColumns, projectsTable } from '../tables/projects.js';
import type { ReadRecord } from './read-batch.js';
import { loadLedger, storeLedger } from './seq-ledger-rows.js';
import { VerdictRows } from './verdict-rows.js';

/** One batch of the catalog: projects, registered models and API keys. */
export async function applyCatalog(
  session: SqlSession,
  schema: string,
  partition: string,
  records: readonly ReadRecord[],
): Promise<VerdictRows> {
  const verdicts = new VerdictRows();
  if (records.length === 0) return verdicts;
  const events = records.map(({ event }) => event);
  const place = { schema, topic: 'catalog', partition } as const;
  const ledger = await loadLedger(session, place, events);
  const projects = await ProjectBatch.load(session, schema, events);
  const registry = await RegistryBatch.load(session, schema, events);
  const keys = await loadKeys(session, schema, records);
  const dirtyKeys = new Set<string>();
  const apply = (event: Event): FoldVerdict => {
    if (isOfKind('apiKey', event)) {
      const { key, verdict } = foldApiKey(keys.get(event.data.keyId) ?? null, event);
      if (key) keys.set(key.keyId, key);
      if (verdict.accepted) dirtyKeys.add(event.data.keyId);
      return verdict;
    }
    if (isProjectEvent(event)) return projects.apply(event);
    const rest: RegistryEvent = event as Exclude<EventOnTopic<'catalog'>, ProjectEvent | ApiKeyEvent>;
    return registry.apply(rest);
  };
  for (const { event, appendedAt } of records) {
    if (!ledger.take(event, event.writer?.attempt ?? 0, appendedAt)) continue;
    verdicts.add(event, apply(event), appendedAt);
  }
  const last = records.at(-1)!.appendedAt;
  await projects.write();
  await registry.write();
  await writeRows(
    session,
    schema,
    apiKeysTable,
    [...dirtyKeys].map((key_id) => ({ key_id, state: keys.get(key_id) })),
  );
  await storeLedger(session, place, ledger, last);
  await verdicts.write(session, schema, last);
  return verdicts;
}

const isProjectEvent = (event: Event): event is ProjectEvent => isOfKind('project', event);

/** The projects that the events of one batch are about, and whoever has a title that one of them wants. */
class ProjectBatch {
  private readonly dirty = new Set<string>();

  private constructor(
    private readonly session: SqlSession,
    private readonly schema: string,
    private readonly projects: Map<string, ProjectState>,
    private readonly lastNumbers: Map<string, number>,
  ) {}

  static async load(session: SqlSession, schema: string, events: readonly Event[]): Promise<ProjectBatch> {
    const changes = events.filter(isProjectEvent);
    if (changes.length === 0) return new ProjectBatch(session, schema, new Map(), new Map());
    const titles = changes.flatMap(({ data, subject }) => ('title' in data ? [data.title || subject] : []));
    const rows = await session.query<ProjectState>(
      `select ${projectColumns} from ${schema}.projects where name = any($1::text[]) or title = any($2::text[])`,
      [[...new Set(changes.map(({ subject }) => subject))], [...new Set(titles)]],
    );
    const tops = await session.query<{ world: string; last: number }>(
      `select world, max(number) as last from ${schema}.projects group by world`,
    );
    return new ProjectBatch(
      session,
      schema,
      new Map(rows.map((row) => [row.name, row])),
      new Map(tops.map(({ world, last }) => [world, last])),
    );
  }

  apply(event: ProjectEvent): FoldVerdict {
    const { project, verdict } = foldProject(
      {
        project: this.projects.get(event.subject) ?? null,
        titled: (world, title) =>
          [...this.projects.values()].find((other) => other.world === world && other.title === title) ?? null,
        lastNumber: (world) => this.lastNumbers.get(world) ?? 0,
      },
      event,
    );
    if (!verdict.accepted || !project) return verdict;
    this.projects.set(project.name, project);
    this.lastNumbers.set(project.world, Math.max(project.number, this.lastNumbers.get(project.world) ?? 0));
    this.dirty.add(project.name);
    return verdict;
  }

  async write(): Promise<void> {
    const rows = [...this.dirty].map((name) => {
      const { createdAt, updatedAt, ...row } = this.projects.get(name)!;
      return { ...row, created_at: createdAt, updated_at: updatedAt };
    });
    await writeRows(this.session, this.schema, projectsTable, rows);
  }
}

async function loadKeys(
  session: SqlSession,
  schema: string,
  records: readonly ReadRecord[],
): Promise<Map<string, ApiKeyState>> {
  const ids = records.map(({ event }) => keyIdOf(event)).filter((id) => id !== null);
  if (ids.length === 0) return new Map();
  const rows = await session.query<{ state: ApiKeyState }>(
    `select state from ${schema}.api_keys where key_id = any($1::text[])`,
    [ids],
  );
  return new Map(rows.map(({ state }) => [state.keyId, state]));
}
const keyIdOf = (event: Event): string | null => (isOfKind('apiKey', event) ? event.data.keyId : null);

const apiKeysTable = { name: 'api_keys', key: ['key_id'], columns: { key_id: 'text', state: 'json' } };

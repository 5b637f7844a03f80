import { foldApiKey, foldProject, type ApiKeyState, type ProjectState } from '#libs/domain/catalog-fold.js';
import type { Event } from '#libs/domain/event.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from './bulk-rows.js';
import type { ReadRecord } from './read-batch.js';
import { SeqLedger } from './seq-ledger.js';
import { VerdictRows } from './verdict-rows.js';

/** One batch of the catalog: projects and API keys. */
export async function applyCatalog(
  session: SqlSession,
  schema: string,
  partition: string,
  records: readonly ReadRecord[],
): Promise<VerdictRows> {
  const verdicts = new VerdictRows();
  if (records.length === 0) return verdicts;
  const ledger = await SeqLedger.load(
    session,
    schema,
    'catalog',
    partition,
    records.map(({ event }) => event),
  );
  const projects = await loadProjects(
    session,
    schema,
    records.map(({ event }) => event.subject),
  );
  const keys = await loadKeys(session, schema, records);
  const [top] = await session.query<{ last: number | null }>(`select max(number) as last from ${schema}.projects`);
  let lastNumber = top?.last ?? 0;
  const newProjects: ProjectState[] = [];
  const dirtyKeys = new Set<string>();
  for (const { event, appendedAt } of records) {
    if (!ledger.take(event, event.writer?.attempt ?? 0, appendedAt)) continue;
    if (event.name === 'ProjectCreated') {
      const { project, verdict } = foldProject(projects.get(event.subject) ?? null, lastNumber, event);
      verdicts.add(event, verdict, appendedAt);
      if (!verdict.accepted || !project) continue;
      lastNumber = project.number;
      projects.set(project.name, project);
      newProjects.push(project);
    } else if (event.name === 'ApiKeyCreated' || event.name === 'ApiKeyRevoked') {
      const { key, verdict } = foldApiKey(keys.get(event.data.keyId) ?? null, event);
      verdicts.add(event, verdict, appendedAt);
      if (key) keys.set(key.keyId, key);
      if (verdict.accepted) dirtyKeys.add(event.data.keyId);
    }
  }
  const last = records.at(-1)!.appendedAt;
  await writeRows(
    session,
    schema,
    projectsTable,
    newProjects.map(({ createdAt, ...row }) => ({ ...row, created_at: createdAt })),
  );
  await writeRows(
    session,
    schema,
    apiKeysTable,
    [...dirtyKeys].map((key_id) => ({ key_id, state: keys.get(key_id) })),
  );
  await ledger.write(session, last);
  await verdicts.write(session, schema, last);
  return verdicts;
}

async function loadProjects(
  session: SqlSession,
  schema: string,
  names: readonly string[],
): Promise<Map<string, ProjectState>> {
  const rows = await session.query<ProjectState>(
    `select name, number, description, tags, created_at as "createdAt" from ${schema}.projects where name = any($1::text[])`,
    [[...new Set(names)]],
  );
  return new Map(rows.map((row) => [row.name, row]));
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
const keyIdOf = (event: Event): string | null =>
  event.name === 'ApiKeyCreated' || event.name === 'ApiKeyRevoked' ? event.data.keyId : null;

const projectsTable = {
  name: 'projects',
  key: ['name'],
  columns: { name: 'text', number: 'int', description: 'text', tags: 'json', created_at: 'bigint' },
};
const apiKeysTable = { name: 'api_keys', key: ['key_id'], columns: { key_id: 'text', state: 'json' } };

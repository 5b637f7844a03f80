import type { EventOnTopic } from '#libs/domain/event-table.js';
import { attemptOfEvent, foldRun, type RunEvent, type RunState, type WriterState } from '#libs/domain/run-fold.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';
import type { ReadRecord } from './read-batch.js';
import { namesTable, paramsTable, runStatesTable, runsTable, tagsTable, writersTable } from './run-tables.js';
import { RunFactRows } from './run-fact-rows.js';
import { loadLedger, storeLedger } from './seq-ledger-rows.js';
import { isSubjectEvent, SubjectBatch, type SubjectEvent } from './subject-batch.js';
import { VerdictRows } from './verdict-rows.js';

interface KnownRun {
  readonly stored: RunState | null;
  state: RunState | null;
  seenAt: number;
}
interface KnownWriter extends WriterState {
  readonly run: string;
  readonly attempt: number;
  readonly writer: string;
  readonly rank: number;
  readonly dirty: boolean;
}
const writerKey = (run: string, attempt: number, writer: string): string => `${run} ${attempt} ${writer}`;

/** One batch of a `runs` partition: folds every event and writes the rows that changed. */
export async function applyRuns(
  session: SqlSession,
  schema: string,
  partition: string,
  records: readonly ReadRecord[],
): Promise<VerdictRows> {
  const verdicts = new VerdictRows();
  if (records.length === 0) return verdicts;
  const place = { schema, topic: 'runs', partition } as const;
  const events = records.map(({ event }) => event);
  const ledger = await loadLedger(session, place, events);
  const runs = await loadRuns(session, schema, records);
  const writers = await loadWriters(session, schema, records);
  const subjects = await SubjectBatch.load(session, schema, events);
  const facts = new RunFactRows();
  const names = new Map<string, number>();
  for (const { event: any, appendedAt } of records) {
    if (isSubjectEvent(any)) {
      if (!ledger.take(any, any.writer?.attempt ?? 0, appendedAt)) continue;
      verdicts.add(any, subjects.apply(any, appendedAt), appendedAt);
      facts.add(any);
      continue;
    }
    // a kind of event that nobody folds would be gone without a word: the compiler says so here
    const event: RunEvent = any as Exclude<EventOnTopic<'runs'>, SubjectEvent>;
    const run = runs.get(event.subject)!;
    const attempt = attemptOfEvent(run.state, event);
    if (!ledger.take(event, attempt, appendedAt)) continue;
    run.seenAt = Math.max(run.seenAt, appendedAt);
    const key = event.writer && writerKey(event.subject, attempt, event.writer.id);
    const known = key === null ? undefined : writers.get(key);
    const folded = foldRun(run.state, known ?? null, event);
    verdicts.add(event, folded.verdict, appendedAt);
    if (!folded.verdict.accepted) continue;
    run.state = folded.state;
    if (key !== null && folded.writer && folded.writer !== known) {
      const { id: writer, rank } = event.writer!;
      writers.set(key, {
        ...folded.writer,
        run: event.subject,
        attempt,
        writer,
        rank: Math.min(rank, known?.rank ?? rank),
        dirty: true,
      });
    }
    const project = folded.state?.facts.project.value ?? '';
    if (project !== '' && event.timeMs < (names.get(project) ?? Infinity)) names.set(project, event.timeMs);
    facts.add(event);
  }
  const last = records.at(-1)!.appendedAt;
  await writeRuns(session, schema, [...runs.values()]);
  const dirtyWriters = [...writers.values()].filter(({ dirty }) => dirty);
  await writeRows(
    session,
    schema,
    writersTable,
    dirtyWriters.map((row) => ({
      run: row.run,
      attempt: row.attempt,
      writer: row.writer,
      rank: row.rank,
      host: row.host,
      state: row.state,
      last_telemetry_seq: row.lastTelemetrySeq,
      last_runs_seq: row.lastRunsSeq,
    })),
  );
  await facts.write(session, schema);
  await subjects.write();
  await writeRows(
    session,
    schema,
    namesTable,
    [...names].map(([name, first_at]) => ({ name, first_at })),
    'do update set first_at = least(t.first_at, excluded.first_at)',
  );
  await storeLedger(session, place, ledger, last);
  await verdicts.write(session, schema, last);
  return verdicts;
}

async function loadRuns(
  session: SqlSession,
  schema: string,
  records: readonly ReadRecord[],
): Promise<Map<string, KnownRun>> {
  const ids = [...new Set(records.flatMap(({ event }) => (isSubjectEvent(event) ? [] : [event.subject])))];
  const known = new Map<string, KnownRun>(ids.map((id) => [id, { stored: null, state: null, seenAt: 0 }]));
  const rows = await session.query<{ id: string; state: RunState; seen_at: number }>(
    `select r.id, s.state, r.seen_at from ${schema}.runs r join ${schema}.run_states s on s.id = r.id where r.id = any($1::text[])`,
    [ids],
  );
  for (const { id, state, seen_at } of rows) known.set(id, { stored: state, state, seenAt: seen_at });
  return known;
}

async function loadWriters(
  session: SqlSession,
  schema: string,
  records: readonly ReadRecord[],
): Promise<Map<string, KnownWriter>> {
  const ids = new Set(records.flatMap(({ event }) => (event.writer ? [event.writer.id] : [])));
  if (ids.size === 0) return new Map();
  const rows = await session.query<Omit<KnownWriter, 'dirty'>>(
    `select run, attempt, writer, rank, host, state, last_telemetry_seq as "lastTelemetrySeq", last_runs_seq as "lastRunsSeq"
     from ${schema}.writers where run = any($1::text[]) and writer = any($2::text[])`,
    [[...new Set(records.map(({ event }) => event.subject))], [...ids]],
  );
  return new Map(rows.map((row) => [writerKey(row.run, row.attempt, row.writer), { ...row, dirty: false }]));
}

async function writeRuns(session: SqlSession, schema: string, runs: readonly KnownRun[]): Promise<void> {
  const rows: Record<string, unknown>[] = [];
  const states: { id: string; state: RunState }[] = [];
  const params: Record<string, unknown>[] = [];
  const tags: Record<string, unknown>[] = [];
  const removed: { run: string; key: string }[] = [];
  for (const { stored, state, seenAt } of runs) {
    if (!state) continue;
    rows.push(runRow(state, seenAt));
    if (state !== stored) states.push({ id: state.id, state });
    for (const [key, param] of changed(stored?.params, state.params))
      params.push({ run: state.id, key, ...searchable(param.value) });
    for (const [key, tag] of changed(stored?.tags, state.tags)) tags.push({ run: state.id, key, text: tag.value });
    for (const key of Object.keys(stored?.tags ?? {}))
      if (!Object.hasOwn(state.tags, key)) removed.push({ run: state.id, key });
  }
  await writeRows(session, schema, runsTable, rows);
  await writeRows(session, schema, runStatesTable, states);
  await writeRows(session, schema, paramsTable, params);
  await writeRows(session, schema, tagsTable, tags);
  if (removed.length === 0) return;
  await session.query(
    `delete from ${schema}.tags t using json_to_recordset($1::json) as r(run text, key text) where t.run = r.run and t.key = r.key`,
    [JSON.stringify(removed)],
  );
}

const changed = <T>(
  before: Readonly<Record<string, T>> | undefined,
  after: Readonly<Record<string, T>>,
): [string, T][] =>
  before === after
    ? []
    : Object.entries(after).filter(([key, value]) => !(before && Object.hasOwn(before, key) && before[key] === value));

/** A param as search sees it: text without JSON quotes, and a number where it is or reads like one. */
function searchable(json: string): { text: string; num: number | null } {
  const value: unknown = JSON.parse(json);
  const text = typeof value === 'string' ? value : json;
  const num =
    typeof value === 'number'
      ? value
      : typeof value === 'string' && /^\s*[+-]?(\d|\.\d)[\d.eE+-]*\s*$/.test(value)
        ? Number(value)
        : NaN;
  return { text, num: Number.isNaN(num) ? null : num };
}

function runRow(state: RunState, seenAt: number): Record<string, unknown> {
  const { facts } = state;
  return {
    id: state.id,
    project: facts.project.value,
    name: facts.name.value,
    group: facts.group.value,
    job_type: facts.jobType.value,
    user: facts.user.value,
    notes: facts.notes.value,
    status: state.status,
    archived: state.archived,
    visible: state.started && !state.deleted,
    deleted: state.deleted,
    started_at: state.startedAt,
    ended_at: state.endedAt,
    seen_at: seenAt,
    world_size: state.worldSize,
    fork_of: state.forkOf?.run ?? null,
    labels: state.labels.join(','),
    open_attempts: state.openAttempts?.length ? state.openAttempts : null,
  };
}

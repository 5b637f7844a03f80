import type { Event } from '#libs/domain/event.js';
import { isOfKind, type EventOfKind } from '#libs/domain/event-table.js';
import { foldLoggedModel, type LoggedModelEvent, type LoggedModelState } from '#libs/domain/logged-model-fold.js';
import { accepted, type FoldVerdict } from '#libs/domain/run-fold-verdict.js';
import { foldTrace, runsOfTrace, type TraceEvent, type TraceState } from '#libs/domain/trace-fold.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';
import { filesTable, loggedModelMetricsTable, loggedModelsTable, spansTable, tracesTable } from './run-tables.js';

export type FileEvent = EventOfKind<'file'>;
export type SubjectEvent = LoggedModelEvent | TraceEvent | FileEvent;
type Row = Readonly<Record<string, unknown>>;

const isModelEvent = (event: Event): event is LoggedModelEvent => isOfKind('loggedModel', event);
const isTraceEvent = (event: Event): event is TraceEvent => isOfKind('trace', event);
export const isSubjectEvent = (event: Event): event is SubjectEvent =>
  isModelEvent(event) || isTraceEvent(event) || isOfKind('file', event);

/** Logged models, traces and files of one batch: what travels on the topic of runs and is no run. */
export class SubjectBatch {
  private readonly dirtyModels = new Set<string>();
  private readonly dirtyTraces = new Set<string>();
  private readonly metrics = new Map<string, Row>();
  private readonly spans = new Map<string, Row>();
  /** A path's row, or null where it was removed. */
  private readonly files = new Map<
    string,
    { readonly world: string; readonly path: string; readonly row: Row | null }
  >();

  private constructor(
    private readonly session: SqlSession,
    private readonly schema: string,
    private readonly models: Map<string, LoggedModelState>,
    private readonly traces: Map<string, TraceState>,
  ) {}

  static async load(session: SqlSession, schema: string, events: readonly Event[]): Promise<SubjectBatch> {
    const load = async <State extends { readonly id: string }>(table: string, ids: Set<string>) => {
      if (ids.size === 0) return new Map<string, State>();
      const rows = await session.query<{ state: State }>(
        `select state from ${schema}.${table} where id = any($1::text[])`,
        [[...ids]],
      );
      return new Map(rows.map(({ state }) => [state.id, state]));
    };
    const subjects = (kind: (event: Event) => boolean): Set<string> =>
      new Set(events.filter(kind).map(({ subject }) => subject));
    const models = await load<LoggedModelState>('logged_models', subjects(isModelEvent));
    const traces = await load<TraceState>('traces', subjects(isTraceEvent));
    return new SubjectBatch(session, schema, models, traces);
  }

  apply(event: SubjectEvent, appendedAt: number): FoldVerdict {
    if (isOfKind('file', event)) return this.file(event, appendedAt);
    return isModelEvent(event) ? this.model(event) : this.trace(event);
  }

  private model(event: LoggedModelEvent): FoldVerdict {
    const { model, verdict } = foldLoggedModel(this.models.get(event.subject) ?? null, event);
    if (!verdict.accepted || !model) return verdict;
    this.models.set(model.id, model);
    this.dirtyModels.add(model.id);
    if (event.name !== 'LoggedModelMeasured') return verdict;
    for (const { key, value, timeMs, step, datasetName, datasetDigest, run } of event.data.metrics) {
      const row = { model: model.id, key, step, time_ms: timeMs, value: value + 0, run };
      const named = { ...row, dataset_name: datasetName, dataset_digest: datasetDigest };
      this.metrics.set(JSON.stringify(Object.values(named).map(String)), named);
    }
    return verdict;
  }

  private trace(event: TraceEvent): FoldVerdict {
    const { trace, verdict } = foldTrace(this.traces.get(event.subject) ?? null, event);
    if (!verdict.accepted || !trace) return verdict;
    this.traces.set(trace.id, trace);
    this.dirtyTraces.add(trace.id);
    if (event.name === 'SpansLogged')
      for (const otlp of event.data.spans) {
        const id = spanId(otlp);
        this.spans.set(`${trace.id} ${id}`, { trace: trace.id, id, otlp });
      }
    return verdict;
  }

  private file({ name, data }: FileEvent, appendedAt: number): FoldVerdict {
    const { world, path } = data;
    const row =
      name === 'FileStored'
        ? { world, path, digest: data.digest, size_bytes: data.sizeBytes, mime: data.mime, stored_at: appendedAt }
        : null;
    this.files.set(`${world} ${path}`, { world, path, row });
    return accepted(null);
  }

  async write(): Promise<void> {
    const { session, schema } = this;
    const models = [...this.dirtyModels].map((id) => this.models.get(id)!);
    const modelRows = models.map((state) => {
      const { id, project, run, deleted, createdAt } = state;
      return { id, project, run, deleted, created_at: createdAt, state };
    });
    await writeRows(session, schema, loggedModelsTable, modelRows);
    await writeRows(session, schema, loggedModelMetricsTable, [...this.metrics.values()], 'do nothing');
    const traces = [...this.dirtyTraces].map((id) => this.traces.get(id)!);
    const traceRows = traces.map((state) => {
      const { id, project, timeMs, logged, deleted } = state;
      return { id, project, time_ms: timeMs, logged, deleted, runs: runsOfTrace(state), state };
    });
    await writeRows(session, schema, tracesTable, traceRows);
    await writeRows(session, schema, spansTable, [...this.spans.values()]);
    const files = [...this.files.values()];
    await writeRows(
      session,
      schema,
      filesTable,
      files.flatMap(({ row }) => (row ? [row] : [])),
    );
    const removed = files.filter(({ row }) => row === null);
    if (removed.length === 0) return;
    await session.query(
      `delete from ${schema}.files t using json_to_recordset($1::json) as r(world text, path text) where t.world = r.world and t.path = r.path`,
      [JSON.stringify(removed.map(({ world, path }) => ({ world, path })))],
    );
  }
}

/** A span without an id of its own is known by its text. */
function spanId(otlp: string): string {
  const match = /"spanId"\s*:\s*"([^"]{1,64})"/.exec(otlp);
  return match?.[1] ?? otlp.slice(0, 200);
}

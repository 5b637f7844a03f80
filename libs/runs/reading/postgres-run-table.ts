import { storableText } from '#libs/postgres/storable-text.js';
import type { Kysely } from 'kysely';
import type { FoldVerdict } from '#libs/domain/run-fold-verdict.js';
import type { RunState } from '#libs/domain/run-fold.js';
import { createQueries } from '#libs/postgres/sql-queries.js';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import { gapsOf, maxSeq, type SeqIntervals } from '#libs/domain/run-fold-seqs.js';
import type { Topic } from '#libs/domain/event.js';
import { pageProjects } from './project-rows.js';
import { readRunRow, type AttemptBeat, type AttemptSteps } from './run-row.js';
import type {
  ArtifactRow,
  Page,
  ProjectRow,
  RunGrouping,
  RunGroups,
  RunRow,
  RunSearch,
  RunTable,
  SummaryRow,
  Verdict,
  WriterRow,
} from '../run-table.js';
import { groupRuns } from '../search/group-runs.js';
import { runKeys } from '../search/run-keys.js';
import { searchRuns } from '../search/search-runs.js';
import { readVerdict } from '../verdict-board.js';

export interface RunTableOptions {
  readonly database: SqlDatabase;
  /** Which generation is live; asked at every read, so that a switch is seen at once by every process. */
  readonly generations: () => Promise<{ readonly live: number }>;
}

/** What MLflow's clients call the run that a nested one belongs to. */
const parentTag = 'mlflow.parentRunId';

/** A page of artifacts or writers of one run is not paged; these bound it. */
const artifactsMax = 100_000;
const lineageRunsMax = 1_000;

export function openPostgresRunTable(options: RunTableOptions): RunTable {
  return new PostgresRunTable(options);
}

class PostgresRunTable implements RunTable {
  private readonly database: SqlDatabase;
  private readonly queries: Kysely<unknown>;

  constructor(private readonly options: RunTableOptions) {
    this.database = options.database;
    this.queries = createQueries(options.database);
  }

  private async schema(): Promise<string> {
    return `runs_g${(await this.options.generations()).live}`;
  }

  async project(name: string): Promise<ProjectRow | null> {
    const page = await pageProjects(this.database, await this.schema(), { name, first: 1 });
    return page.rows[0] ?? null;
  }

  async projects(query: {
    first: number;
    after?: string | undefined;
    match?: string | undefined;
    nowMs: number;
  }): Promise<Page<ProjectRow>> {
    return pageProjects(this.database, await this.schema(), query);
  }

  async run(id: string): Promise<RunRow | null> {
    return (await this.runs([id]))[0] ?? null;
  }

  /** In the order asked for; unknown and deleted ones are left out. */
  async runs(ids: readonly string[]): Promise<readonly RunRow[]> {
    return this.load(await this.schema(), ids);
  }

  async search(query: RunSearch): Promise<Page<RunRow>> {
    const schema = await this.schema();
    const { ids, cursors, ...page } = await searchRuns(this.queries, schema, query);
    const rows = await this.load(schema, ids);
    // a run that was deleted between the two reads takes its cursor along
    const cursorOf = new Map(ids.map((id, index) => [id, cursors[index]!]));
    return { ...page, rows, cursors: rows.map(({ id }) => cursorOf.get(id)!) };
  }

  async groups(query: RunGrouping): Promise<RunGroups> {
    return groupRuns(this.queries, await this.schema(), query);
  }

  async keys(query: Parameters<RunTable['keys']>[0]): Promise<readonly string[]> {
    return runKeys(this.database, await this.schema(), query);
  }

  async children(id: string, first: number): Promise<readonly RunRow[]> {
    const schema = await this.schema();
    const rows = await this.database.query<{ id: string }>(
      `select id from ${schema}.runs r where visible and (fork_of = $1
         or id in (select run from ${schema}.tags where key = $3 and left(text, 200) = left($1, 200) and text = $1)) order by started_at, id limit $2`,
      [storableText(id), first, parentTag],
    );
    return this.load(
      schema,
      rows.map((row) => row.id),
    );
  }

  async summaries(
    runs: readonly string[],
    keys?: readonly string[],
  ): Promise<ReadonlyMap<string, readonly SummaryRow[]>> {
    const rows = await this.database.query<SummaryRow & { run: string }>(
      `select run, key, last, last_step as "lastStep", last_time as "lastTime", min, min_step as "minStep", min_rank as "minRank", max, max_step as "maxStep",
       max_rank as "maxRank", count from ${await this.schema()}.summaries
       where run = any($1::text[]) and ($2::text[] is null or key = any($2::text[])) order by run, key`,
      [runs.map(storableText), keys ? keys.map(storableText) : null],
    );
    const summaries = new Map<string, SummaryRow[]>(runs.map((run) => [run, []]));
    for (const { run, ...row } of rows) summaries.get(run)!.push(row);
    return summaries;
  }

  async writers(run: string): Promise<readonly WriterRow[]> {
    const schema = await this.schema();
    const rows = await this.database.query<WriterRecord>(
      `select s.writer, s.attempt, s.topic, s.rank, s.contiguous, s.above, s.last_step, s.last_seen, w.host, w.state, w.last_telemetry_seq, w.last_runs_seq
       from ${schema}.seqs s left join ${schema}.writers w on w.run = s.run and w.attempt = s.attempt and w.writer = s.writer
       where s.run = $1
       union all
       -- what was announced and of which nothing has come: it has no row of its own
       select w.writer, w.attempt, a.topic, w.rank, 0, '[]'::json, null, 0, w.host, w.state, w.last_telemetry_seq, w.last_runs_seq
       from ${schema}.writers w cross join (values ('runs'), ('telemetry')) a (topic)
       where w.run = $1 and case a.topic when 'runs' then w.last_runs_seq else w.last_telemetry_seq end > 0
         and not exists (select 1 from ${schema}.seqs s
           where s.run = w.run and s.attempt = w.attempt and s.writer = w.writer and s.topic = a.topic)
       order by attempt, rank, writer, topic`,
      [storableText(run)],
    );
    return readWriters(rows);
  }

  async artifacts(run: string, kind: 'logged' | 'used'): Promise<readonly ArtifactRow[]> {
    return this.database.query<ArtifactRow>(
      `select run, name, type, digest, size_bytes as "sizeBytes", mime, metadata, step, logged_at as "loggedAt"
       from ${await this.schema()}.artifacts where run = $1 and kind = $2 order by logged_at, name, digest limit ${artifactsMax}`,
      [storableText(run), kind],
    );
  }

  async artifactLineage(
    digest: string,
  ): Promise<{ sizeBytes: number | null; loggedBy: readonly string[]; usedBy: readonly string[] }> {
    const schema = await this.schema();
    const rows = await this.database.query<{ run: string; kind: string; size: number }>(
      `select a.run, a.kind, max(a.size_bytes) as size from ${schema}.artifacts a join ${schema}.runs r on r.id = a.run and r.visible
       where a.digest = $1 group by a.run, a.kind order by a.run limit ${lineageRunsMax}`,
      [storableText(digest)],
    );
    const logged = rows.filter(({ kind }) => kind === 'logged');
    return {
      sizeBytes: logged[0]?.size ?? null,
      loggedBy: logged.map(({ run }) => run),
      usedBy: rows.filter(({ kind }) => kind === 'used').map(({ run }) => run),
    };
  }

  async verdict(eventId: string): Promise<Verdict | null> {
    const [row] = await this.database.query<{ verdict: FoldVerdict }>(
      `select verdict from ${await this.schema()}.verdicts where event_id = $1`,
      [storableText(eventId)],
    );
    return row ? readVerdict(row.verdict) : null;
  }

  async apiKeys(): Promise<
    readonly { keyId: string; name: string; hash: string; scopes: readonly string[]; createdAt: number }[]
  > {
    const rows = await this.database.query<{
      state: { keyId: string; name: string; hash: string; scopes: string[]; createdAt: number; revoked: boolean };
    }>(`select state from ${await this.schema()}.api_keys order by key_id`);
    return rows.filter(({ state }) => !state.revoked).map(({ state: { revoked: _, ...key } }) => key);
  }

  private async load(schema: string, ids: readonly string[]): Promise<readonly RunRow[]> {
    if (ids.length === 0) return [];
    const asked = ids.map(storableText);
    const [rows, steps, beats] = await Promise.all([
      this.database.query<{ id: string; state: RunState; heartbeat: number }>(
        `select r.id, s.state, greatest(r.seen_at, l.seen_at) as heartbeat from ${schema}.runs r join ${schema}.run_states s on s.id = r.id left join ${schema}.liveness l on l.run = r.id
         where r.id = any($1::text[]) and r.visible`,
        [asked],
      ),
      this.database.query<AttemptSteps>(
        `select run, attempt, min(first_step) as first, max(last_step) as last from ${schema}.seqs where run = any($1::text[]) and topic = 'telemetry' group by run, attempt`,
        [asked],
      ),
      this.database.query<AttemptBeat>(
        `select run, attempt, beat_at as at from ${schema}.beats where run = any($1::text[])`,
        [asked],
      ),
    ]);
    const of = <Row extends { readonly run: string }>(all: readonly Row[], id: string): readonly Row[] =>
      all.filter(({ run }) => run === id);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => {
      const row = byId.get(id);
      return row ? [readRunRow(row.state, row.heartbeat, of(steps, id), of(beats, id))] : [];
    });
  }
}

interface WriterRecord {
  readonly writer: string;
  readonly attempt: number;
  readonly topic: Topic;
  readonly rank: number;
  readonly contiguous: number;
  readonly above: SeqIntervals['above'];
  readonly last_step: number | null;
  readonly last_seen: number;
  readonly host: string | null;
  readonly state: WriterRow['state'] | null;
  readonly last_telemetry_seq: number | null;
  readonly last_runs_seq: number | null;
}

function readWriters(rows: readonly WriterRecord[]): WriterRow[] {
  const writers = new Map<string, WriterRow>();
  for (const row of rows) {
    const key = `${row.attempt} ${row.writer}`;
    const seen = { contiguous: row.contiguous, above: row.above };
    const lastSeq = row.topic === 'telemetry' ? row.last_telemetry_seq : row.last_runs_seq;
    const topic = {
      topic: row.topic,
      contiguousSeq: row.contiguous,
      maxSeq: maxSeq(seen),
      lastSeq,
      gaps: gapsOf(seen),
    };
    const known = writers.get(key);
    writers.set(key, {
      writer: row.writer,
      attempt: row.attempt,
      rank: row.rank,
      host: row.host ?? '',
      topics: [...(known?.topics ?? []), topic],
      lastStep: row.last_step ?? known?.lastStep ?? null,
      lastSeenAt: Math.max(row.last_seen, known?.lastSeenAt ?? 0),
      state: row.state ?? 'running',
    });
  }
  return [...writers.values()];
}

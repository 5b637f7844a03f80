/** Tables of one generation; forward only: a released step is never edited, the next one is appended. */
export const runMigrations: readonly ((schema: string) => readonly string[])[] = [
  (s) => [
    `create table ${s}.projects (name text primary key, number int not null, description text not null, tags json not null, created_at bigint not null)`,
    // projects that runs name; one that the catalog does not know yet has no number
    `create table ${s}.project_names (name text primary key, first_at bigint not null)`,
    `create table ${s}.api_keys (key_id text primary key, state json not null)`,
    `create table ${s}.runs (
       id text primary key, project text not null, name text not null, "group" text not null, job_type text not null, "user" text not null,
       notes text not null, status text not null, archived boolean not null, visible boolean not null, started_at bigint not null,
       ended_at bigint, seen_at bigint not null, world_size int not null, fork_of text, labels text not null)`,
    // apart from the searched columns, so that a scan of all runs stays small
    `create table ${s}.run_states (id text primary key, state json not null)`,
    `create index on ${s}.runs (project, archived, started_at, id) where visible`,
    `create index on ${s}.runs (started_at, id) where visible`,
    `create index on ${s}.runs (fork_of) where fork_of is not null`,
    `create table ${s}.params (run text not null, key text not null, text text not null, num float8, primary key (run, key))`,
    `create index on ${s}.params (key, left(text, 200))`,
    `create table ${s}.tags (run text not null, key text not null, text text not null, primary key (run, key))`,
    `create index on ${s}.tags (key, left(text, 200))`,
    `create table ${s}.writers (
       run text not null, attempt int not null, writer text not null, rank int not null, host text not null, state text not null,
       last_telemetry_seq bigint, last_runs_seq bigint, primary key (run, attempt, writer))`,
    `create table ${s}.seqs (
       run text not null, attempt int not null, writer text not null, topic text not null, rank int not null, contiguous bigint not null,
       above json not null, first_step float8, last_step float8, last_seen bigint not null, primary key (run, attempt, writer, topic))`,
    `create table ${s}.liveness (run text primary key, seen_at bigint not null)`,
    `create table ${s}.summaries (
       run text not null, key text not null, last float8 not null, last_attempt int not null, last_step float8 not null, last_rank int not null,
       last_seq bigint not null, min float8, min_step float8, min_rank int, max float8, max_step float8, max_rank int, count bigint not null,
       sort float8 generated always as (nullif(last, 'NaN'::float8)) stored, primary key (run, key))`,
    `create index on ${s}.summaries (key, sort, run)`,
    `create table ${s}.artifacts (
       run text not null, kind text not null, name text not null, digest text not null, type text not null, size_bytes bigint not null,
       mime text not null, metadata json not null, step bigint, logged_at bigint not null, primary key (run, kind, name, digest))`,
    `create index on ${s}.artifacts (digest)`,
    `create table ${s}.verdicts (event_id text primary key, verdict json not null, appended_at bigint not null)`,
    `create index on ${s}.verdicts (appended_at)`,
    `create table ${s}.seen_ids (partition text not null, event_id text not null, appended_at bigint not null, primary key (partition, event_id))`,
    `create index on ${s}.seen_ids (partition, appended_at)`,
  ],
  (s) => [
    `alter table ${s}.projects add column world text not null default '', add column title text, add column deleted boolean not null default false,
       add column updated_at bigint`,
    `update ${s}.projects set title = name, updated_at = created_at`,
    `alter table ${s}.projects alter column title set not null, alter column updated_at set not null`,
    `create index on ${s}.projects (world, title)`,
    `alter table ${s}.runs add column deleted boolean not null default false`,
    `create index on ${s}.runs (project, started_at desc, id) where deleted`,
    // Unix ms of the last value
    `alter table ${s}.summaries add column last_time bigint not null default 0`,
    `create table ${s}.datasets (
       run text not null, name text not null, digest text not null, source_type text not null, source text not null, schema text not null,
       profile text not null, tags json not null, logged_at bigint not null, primary key (run, name, digest))`,
    `create table ${s}.run_models (run text not null, kind text not null, model text not null, step bigint not null, primary key (run, kind, model))`,
    `create table ${s}.logged_models (
       id text primary key, project text not null, run text not null, deleted boolean not null, created_at bigint not null, state json not null)`,
    `create index on ${s}.logged_models (project, created_at)`,
    `create table ${s}.logged_model_metrics (
       model text not null, key text not null, step bigint not null, time_ms bigint not null, value float8 not null, run text not null,
       dataset_name text not null, dataset_digest text not null,
       primary key (model, key, step, time_ms, value, run, dataset_name, dataset_digest))`,
    `create table ${s}.files (
       world text not null, path text collate "C" not null, digest text not null, size_bytes bigint not null, mime text not null, stored_at bigint not null,
       primary key (world, path))`,
    `create table ${s}.traces (
       id text primary key, project text not null, time_ms bigint not null, logged boolean not null, deleted boolean not null, state json not null)`,
    `create index on ${s}.traces (project, time_ms desc, id)`,
    `create table ${s}.spans (trace text not null, id text not null, otlp text not null, primary key (trace, id))`,
    `create table ${s}.registered_models (world text not null, name text not null, state json not null, primary key (world, name))`,
    `create table ${s}.model_versions (
       world text not null, name text not null, version int not null, run text not null, state json not null, primary key (world, name, version))`,
    `create index on ${s}.model_versions (run) where run <> ''`,
  ],
  (s) => [
    // attempts without an end although a later one has ended: null where there is none
    `alter table ${s}.runs add column open_attempts int[]`,
    // Unix ms by the log's clock of an attempt's last heartbeat
    `create table ${s}.beats (run text not null, attempt int not null, beat_at bigint not null, primary key (run, attempt))`,
    // when the attempt of the last value began
    `alter table ${s}.summaries add column last_started bigint not null default 0`,
  ],
  (s) => [
    // as foldTrace has them: the run that made the trace, then those that it was linked to
    `alter table ${s}.traces add column runs text[] not null default '{}'`,
    `update ${s}.traces t set runs = array(select x.run from (
         select 0 as place, t.state->'metadata'->>'mlflow.sourceRun' as run
         union all select l.place, l.run from json_array_elements_text(t.state->'runs') with ordinality l(run, place)) x
       where x.run <> '' order by x.place)`,
    `create index on ${s}.traces using gin (runs)`,
    `create index on ${s}.traces (time_ms desc, id) where logged and not deleted`,
    `create index on ${s}.logged_models (run) where run <> ''`,
  ],
];

/** What a generation is compared by: every column, in primary key order. Verdicts and seen ids expire, so they are left out. */
export const digestedTables: readonly { readonly table: string; readonly key: readonly string[] }[] = [
  { table: 'projects', key: ['name'] },
  { table: 'project_names', key: ['name'] },
  { table: 'api_keys', key: ['key_id'] },
  { table: 'runs', key: ['id'] },
  { table: 'run_states', key: ['id'] },
  { table: 'params', key: ['run', 'key'] },
  { table: 'tags', key: ['run', 'key'] },
  { table: 'writers', key: ['run', 'attempt', 'writer'] },
  { table: 'seqs', key: ['run', 'attempt', 'writer', 'topic'] },
  { table: 'liveness', key: ['run'] },
  { table: 'beats', key: ['run', 'attempt'] },
  { table: 'summaries', key: ['run', 'key'] },
  { table: 'artifacts', key: ['run', 'kind', 'name', 'digest'] },
  { table: 'datasets', key: ['run', 'name', 'digest'] },
  { table: 'run_models', key: ['run', 'kind', 'model'] },
  { table: 'logged_models', key: ['id'] },
  {
    table: 'logged_model_metrics',
    key: ['model', 'key', 'step', 'time_ms', 'value', 'run', 'dataset_name', 'dataset_digest'],
  },
  { table: 'files', key: ['world', 'path'] },
  { table: 'traces', key: ['id'] },
  { table: 'spans', key: ['trace', 'id'] },
  { table: 'registered_models', key: ['world', 'name'] },
  { table: 'model_versions', key: ['world', 'name', 'version'] },
];

/** Every table of a generation: one that is not there was taken away. */
export const runTableNames: readonly string[] = [...digestedTables.map(({ table }) => table), 'verdicts', 'seen_ids'];

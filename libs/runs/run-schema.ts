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
  { table: 'summaries', key: ['run', 'key'] },
  { table: 'artifacts', key: ['run', 'kind', 'name', 'digest'] },
];

-- What a server wrote whose run tables and shared tables were of version 1, with one run in them. A snapshot: never edited.
CREATE SCHEMA runs_g1;
CREATE SCHEMA runstream;
CREATE TABLE runs_g1.api_keys (
    key_id text NOT NULL,
    state json NOT NULL
);
CREATE TABLE runs_g1.artifacts (
    run text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    digest text NOT NULL,
    type text NOT NULL,
    size_bytes bigint NOT NULL,
    mime text NOT NULL,
    metadata json NOT NULL,
    step bigint,
    logged_at bigint NOT NULL
);
CREATE TABLE runs_g1.liveness (
    run text NOT NULL,
    seen_at bigint NOT NULL
);
CREATE TABLE runs_g1.params (
    run text NOT NULL,
    key text NOT NULL,
    text text NOT NULL,
    num double precision
);
CREATE TABLE runs_g1.project_names (
    name text NOT NULL,
    first_at bigint NOT NULL
);
CREATE TABLE runs_g1.projects (
    name text NOT NULL,
    number integer NOT NULL,
    description text NOT NULL,
    tags json NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE runs_g1.run_states (
    id text NOT NULL,
    state json NOT NULL
);
CREATE TABLE runs_g1.runs (
    id text NOT NULL,
    project text NOT NULL,
    name text NOT NULL,
    "group" text NOT NULL,
    job_type text NOT NULL,
    "user" text NOT NULL,
    notes text NOT NULL,
    status text NOT NULL,
    archived boolean NOT NULL,
    visible boolean NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint,
    seen_at bigint NOT NULL,
    world_size integer NOT NULL,
    fork_of text,
    labels text NOT NULL
);
CREATE TABLE runs_g1.seen_ids (
    partition text NOT NULL,
    event_id text NOT NULL,
    appended_at bigint NOT NULL
);
CREATE TABLE runs_g1.seqs (
    run text NOT NULL,
    attempt integer NOT NULL,
    writer text NOT NULL,
    topic text NOT NULL,
    rank integer NOT NULL,
    contiguous bigint NOT NULL,
    above json NOT NULL,
    first_step double precision,
    last_step double precision,
    last_seen bigint NOT NULL
);
CREATE TABLE runs_g1.summaries (
    run text NOT NULL,
    key text NOT NULL,
    last double precision NOT NULL,
    last_attempt integer NOT NULL,
    last_step double precision NOT NULL,
    last_rank integer NOT NULL,
    last_seq bigint NOT NULL,
    min double precision,
    min_step double precision,
    min_rank integer,
    max double precision,
    max_step double precision,
    max_rank integer,
    count bigint NOT NULL,
    sort double precision GENERATED ALWAYS AS (NULLIF(last, 'NaN'::double precision)) STORED
);
CREATE TABLE runs_g1.tags (
    run text NOT NULL,
    key text NOT NULL,
    text text NOT NULL
);
CREATE TABLE runs_g1.verdicts (
    event_id text NOT NULL,
    verdict json NOT NULL,
    appended_at bigint NOT NULL
);
CREATE TABLE runs_g1.writers (
    run text NOT NULL,
    attempt integer NOT NULL,
    writer text NOT NULL,
    rank integer NOT NULL,
    host text NOT NULL,
    state text NOT NULL,
    last_telemetry_seq bigint,
    last_runs_seq bigint
);
CREATE TABLE runstream.checkpoints (
    projection text NOT NULL,
    partition text NOT NULL,
    epoch bigint NOT NULL,
    "position" bigint NOT NULL
);
CREATE TABLE runstream.dead_letters (
    projection text NOT NULL,
    partition text NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    key text NOT NULL,
    headers json NOT NULL,
    value text NOT NULL,
    appended_at bigint NOT NULL
);
CREATE TABLE runstream.generations (
    family text NOT NULL,
    generation integer NOT NULL,
    live boolean NOT NULL,
    version integer NOT NULL
);
CREATE TABLE runstream.migrations (
    version integer NOT NULL
);
INSERT INTO runs_g1.liveness (run, seen_at) VALUES ('kept', 1795653776249);
INSERT INTO runs_g1.params (run, key, text, num) VALUES ('kept', 'lr', '0.1', 0.1);
INSERT INTO runs_g1.params (run, key, text, num) VALUES ('kept', 'opt', 'adam', NULL);
INSERT INTO runs_g1.project_names (name, first_at) VALUES ('vision', 1795653776213);
INSERT INTO runs_g1.projects (name, number, description, tags, created_at) VALUES ('vision', 1, '', '{}', 1795653776215);
INSERT INTO runs_g1.run_states (id, state) VALUES ('kept', '{"id":"kept","started":true,"facts":{"project":{"value":"vision","origin":2},"name":{"value":"","origin":0},"group":{"value":"","origin":0},"jobType":{"value":"","origin":0},"user":{"value":"","origin":0},"notes":{"value":"from before","origin":3}},"costPerHour":{"value":0,"origin":0},"environment":{"value":null,"origin":0},"tags":{"team":{"value":"a","origin":3}},"params":{"lr":{"value":"0.1","origin":3},"opt":{"value":"\"adam\"","origin":3}},"labels":["good"],"summarySet":{},"status":"running","statusReason":"","archived":false,"deleted":false,"startedAt":1795653776213,"endedAt":null,"worldSize":1,"attempts":[{"number":1,"launch":"","startedAt":1795653776213,"endedAt":null,"fromStep":null,"worldSize":1,"writers":1,"finished":0,"failed":0,"killed":0,"whole":null,"reason":""}],"forkOf":null}');
INSERT INTO runs_g1.runs (id, project, name, "group", job_type, "user", notes, status, archived, visible, started_at, ended_at, seen_at, world_size, fork_of, labels) VALUES ('kept', 'vision', '', '', '', '', 'from before', 'running', false, true, 1795653776213, NULL, 1795653776249, 1, NULL, 'good');
INSERT INTO runs_g1.seen_ids (partition, event_id, appended_at) VALUES ('catalog/0', 'project:5944ae849448011ca08c3785f1de1a54', 1795653776217);
INSERT INTO runs_g1.seen_ids (partition, event_id, appended_at) VALUES ('runs/1', 't-12647-3', 1795653776249);
INSERT INTO runs_g1.seen_ids (partition, event_id, appended_at) VALUES ('runs/1', 't-12647-4', 1795653776249);
INSERT INTO runs_g1.seen_ids (partition, event_id, appended_at) VALUES ('runs/1', 't-12647-5', 1795653776249);
INSERT INTO runs_g1.seqs (run, attempt, writer, topic, rank, contiguous, above, first_step, last_step, last_seen) VALUES ('kept', 1, 'w0', 'telemetry', 0, 1, '[]', 0, 2, 1795653776249);
INSERT INTO runs_g1.seqs (run, attempt, writer, topic, rank, contiguous, above, first_step, last_step, last_seen) VALUES ('kept', 1, 'w0', 'runs', 0, 1, '[]', NULL, NULL, 1795653776219);
INSERT INTO runs_g1.summaries (run, key, last, last_attempt, last_step, last_rank, last_seq, min, min_step, min_rank, max, max_step, max_rank, count) VALUES ('kept', 'loss', 0.3333333333333333, 1, 2, 0, 1, 0.3333333333333333, 2, 0, 1, 0, 0, 3);
INSERT INTO runs_g1.tags (run, key, text) VALUES ('kept', 'team', 'a');
INSERT INTO runs_g1.writers (run, attempt, writer, rank, host, state, last_telemetry_seq, last_runs_seq) VALUES ('kept', 1, 'w0', 0, '', 'running', NULL, NULL);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('runs@1', 'runs/0', 1, 0);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('runs@1', 'telemetry/1', 1, 0);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('points@1:0a3b6bf83c2b', 'telemetry/1', 1, 0);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('points@1:0a3b6bf83c2b', 'runs/0', 1, 0);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('runs@1', 'catalog/0', 1, 1);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('runs@1', 'telemetry/0', 1, 1);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('runs@1', 'runs/1', 1, 4);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('points@1:0a3b6bf83c2b', 'telemetry/0', 1, 1);
INSERT INTO runstream.checkpoints (projection, partition, epoch, "position") VALUES ('points@1:0a3b6bf83c2b', 'runs/1', 1, 4);
INSERT INTO runstream.generations (family, generation, live, version) VALUES ('runs', 1, true, 1);
INSERT INTO runstream.migrations (version) VALUES (1);
ALTER TABLE ONLY runs_g1.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY runs_g1.artifacts
    ADD CONSTRAINT artifacts_pkey PRIMARY KEY (run, kind, name, digest);
ALTER TABLE ONLY runs_g1.liveness
    ADD CONSTRAINT liveness_pkey PRIMARY KEY (run);
ALTER TABLE ONLY runs_g1.params
    ADD CONSTRAINT params_pkey PRIMARY KEY (run, key);
ALTER TABLE ONLY runs_g1.project_names
    ADD CONSTRAINT project_names_pkey PRIMARY KEY (name);
ALTER TABLE ONLY runs_g1.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (name);
ALTER TABLE ONLY runs_g1.run_states
    ADD CONSTRAINT run_states_pkey PRIMARY KEY (id);
ALTER TABLE ONLY runs_g1.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY runs_g1.seen_ids
    ADD CONSTRAINT seen_ids_pkey PRIMARY KEY (partition, event_id);
ALTER TABLE ONLY runs_g1.seqs
    ADD CONSTRAINT seqs_pkey PRIMARY KEY (run, attempt, writer, topic);
ALTER TABLE ONLY runs_g1.summaries
    ADD CONSTRAINT summaries_pkey PRIMARY KEY (run, key);
ALTER TABLE ONLY runs_g1.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (run, key);
ALTER TABLE ONLY runs_g1.verdicts
    ADD CONSTRAINT verdicts_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY runs_g1.writers
    ADD CONSTRAINT writers_pkey PRIMARY KEY (run, attempt, writer);
ALTER TABLE ONLY runstream.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (projection, partition);
ALTER TABLE ONLY runstream.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (projection, partition, "offset");
ALTER TABLE ONLY runstream.generations
    ADD CONSTRAINT generations_pkey PRIMARY KEY (family, generation);
ALTER TABLE ONLY runstream.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (version);
CREATE INDEX artifacts_digest_idx ON runs_g1.artifacts USING btree (digest);
CREATE INDEX params_key_left_idx ON runs_g1.params USING btree (key, "left"(text, 200));
CREATE INDEX runs_fork_of_idx ON runs_g1.runs USING btree (fork_of) WHERE (fork_of IS NOT NULL);
CREATE INDEX runs_project_archived_started_at_id_idx ON runs_g1.runs USING btree (project, archived, started_at, id) WHERE visible;
CREATE INDEX runs_started_at_id_idx ON runs_g1.runs USING btree (started_at, id) WHERE visible;
CREATE INDEX seen_ids_partition_appended_at_idx ON runs_g1.seen_ids USING btree (partition, appended_at);
CREATE INDEX summaries_key_sort_run_idx ON runs_g1.summaries USING btree (key, sort, run);
CREATE INDEX tags_key_left_idx ON runs_g1.tags USING btree (key, "left"(text, 200));
CREATE INDEX verdicts_appended_at_idx ON runs_g1.verdicts USING btree (appended_at);

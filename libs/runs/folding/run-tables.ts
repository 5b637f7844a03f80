import type { BulkTable } from '#libs/postgres/bulk-rows.js';

export const runsTable: BulkTable = {
  name: 'runs',
  key: ['id'],
  columns: {
    id: 'text',
    project: 'text',
    name: 'text',
    group: 'text',
    job_type: 'text',
    user: 'text',
    notes: 'text',
    status: 'text',
    archived: 'boolean',
    visible: 'boolean',
    deleted: 'boolean',
    started_at: 'bigint',
    ended_at: 'bigint',
    seen_at: 'bigint',
    world_size: 'int',
    fork_of: 'text',
    labels: 'text',
    open_attempts: 'int[]',
  },
};
export const runStatesTable: BulkTable = { name: 'run_states', key: ['id'], columns: { id: 'text', state: 'json' } };
export const paramsTable: BulkTable = {
  name: 'params',
  key: ['run', 'key'],
  columns: { run: 'text', key: 'text', text: 'text', num: 'float8' },
};
export const tagsTable: BulkTable = {
  name: 'tags',
  key: ['run', 'key'],
  columns: { run: 'text', key: 'text', text: 'text' },
};
export const namesTable: BulkTable = {
  name: 'project_names',
  key: ['name'],
  columns: { name: 'text', first_at: 'bigint' },
};
export const writersTable: BulkTable = {
  name: 'writers',
  key: ['run', 'attempt', 'writer'],
  columns: {
    run: 'text',
    attempt: 'int',
    writer: 'text',
    rank: 'int',
    host: 'text',
    state: 'text',
    last_telemetry_seq: 'bigint',
    last_runs_seq: 'bigint',
  },
};
export const artifactsTable: BulkTable = {
  name: 'artifacts',
  key: ['run', 'kind', 'name', 'digest'],
  columns: {
    run: 'text',
    kind: 'text',
    name: 'text',
    digest: 'text',
    type: 'text',
    size_bytes: 'bigint',
    mime: 'text',
    metadata: 'json',
    step: 'bigint',
    logged_at: 'bigint',
  },
};
export const datasetsTable: BulkTable = {
  name: 'datasets',
  key: ['run', 'name', 'digest'],
  columns: {
    run: 'text',
    name: 'text',
    digest: 'text',
    source_type: 'text',
    source: 'text',
    schema: 'text',
    profile: 'text',
    tags: 'json',
    logged_at: 'bigint',
  },
};
export const runModelsTable: BulkTable = {
  name: 'run_models',
  key: ['run', 'kind', 'model'],
  columns: { run: 'text', kind: 'text', model: 'text', step: 'bigint' },
};
export const loggedModelsTable: BulkTable = {
  name: 'logged_models',
  key: ['id'],
  columns: { id: 'text', project: 'text', run: 'text', deleted: 'boolean', created_at: 'bigint', state: 'json' },
};
export const loggedModelMetricsTable: BulkTable = {
  name: 'logged_model_metrics',
  key: ['model', 'key', 'step', 'time_ms', 'value', 'run', 'dataset_name', 'dataset_digest'],
  columns: {
    model: 'text',
    key: 'text',
    step: 'bigint',
    time_ms: 'bigint',
    value: 'float8',
    run: 'text',
    dataset_name: 'text',
    dataset_digest: 'text',
  },
};
export const filesTable: BulkTable = {
  name: 'files',
  key: ['world', 'path'],
  columns: { world: 'text', path: 'text', digest: 'text', size_bytes: 'bigint', mime: 'text', stored_at: 'bigint' },
};
export const tracesTable: BulkTable = {
  name: 'traces',
  key: ['id'],
  columns: {
    id: 'text',
    project: 'text',
    time_ms: 'bigint',
    logged: 'boolean',
    deleted: 'boolean',
    runs: 'text[]',
    state: 'json',
  },
};
export const spansTable: BulkTable = {
  name: 'spans',
  key: ['trace', 'id'],
  columns: { trace: 'text', id: 'text', otlp: 'text' },
};

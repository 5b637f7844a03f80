import type { BulkTable } from './bulk-rows.js';

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
    started_at: 'bigint',
    ended_at: 'bigint',
    seen_at: 'bigint',
    world_size: 'int',
    fork_of: 'text',
    labels: 'text',
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

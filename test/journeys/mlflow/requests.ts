/** A small request of a client. `$name` is what an earlier answer was saved under; `save` gives paths into the answer. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly save?: Readonly<Record<string, string>>;
}
const v2 = '/api/2.0/mlflow';
const v3 = '/api/3.0/mlflow';
const post = (path: string, body: unknown, save: Request['save'] = {}): Request => ({
  method: 'POST',
  path: `${v2}/${path}`,
  body,
  save,
});
const get = (path: string, query: Readonly<Record<string, string>> = {}): Request => ({
  method: 'GET',
  path: `${v2}/${path}?${new URLSearchParams(query).toString().replaceAll('%24', '$')}`,
});
const send = (method: string, path: string, body?: unknown): Request => ({ method, path: `${v2}/${path}`, body });
const pair = (key: string, value: string) => ({ key, value });
const trace = `tr-${'ab'.repeat(16)}`;
const otlp = `tr-${'cd'.repeat(16)}`;
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const whole = (key: string, intValue: number) => ({ key, value: { intValue: String(intValue) } });
const spans = (list: readonly object[], headers: Readonly<Record<string, string>> = {}, resource = {}): Request => ({
  method: 'POST',
  path: '/v1/traces',
  body: { resourceSpans: [{ resource, scopeSpans: [{ spans: list }] }] },
  headers: { 'content-type': 'application/json', 'x-mlflow-experiment-id': '$exp', ...headers },
});
const span = (spanId: string, name: string, attributes: readonly object[], more: object = {}) => ({
  ...{ traceId: 'cd'.repeat(16), spanId: spanId.repeat(8), name, kind: 1 },
  ...{ startTimeUnixNano: '1700000000000000000', endTimeUnixNano: '1700000000250000000' },
  ...{ attributes, status: { code: 1 } },
  ...more,
});
const assessments = (id: string): string => `/traces/${id}/assessments`;

const experiments: readonly Request[] = [
  post('experiments/create', { name: 'diff', tags: [pair('team', 'a')] }, { exp: 'experiment_id' }),
  post('experiments/create', { name: 'diff' }),
  post('experiments/create', { name: '' }),
  post('experiments/create', { name: 'located', artifact_location: 's3://bucket/p?x=y' }, { located: 'experiment_id' }),
  get('experiments/get', { experiment_id: '$exp' }),
  get('experiments/get', { experiment_id: '999' }),
  get('experiments/get', { experiment_id: 'abc' }),
  get('experiments/get-by-name', { experiment_name: 'diff' }),
  get('experiments/get-by-name', { experiment_name: 'nope' }),
  post('experiments/set-experiment-tag', { experiment_id: '$exp', key: 'größe', value: '1' }),
  post('experiments/set-experiment-tag', { experiment_id: '$exp', key: '', value: '1' }),
  post('experiments/search', { max_results: 10, filter: "name LIKE 'dif%'", order_by: ['name ASC'] }),
  post('experiments/search', { max_results: 10, filter: "tags.team = 'a'", view_type: 3 }),
  post('experiments/search', { max_results: 10, filter: 'nope' }),
  post('experiments/search', { max_results: 0 }),
  post('experiments/update', { experiment_id: '$exp', new_name: 'differs' }),
];

const runs: readonly Request[] = [
  post(
    'runs/create',
    { experiment_id: '$exp', start_time: 1_000, run_name: 'one', user_id: 'u', tags: [pair('a', 'b')] },
    { run: 'run.info.run_id' },
  ),
  post('runs/create', { experiment_id: '$exp', start_time: 2_000, run_name: 'two' }, { two: 'run.info.run_id' }),
  post('runs/create', { experiment_id: '$located', run_name: 'far', start_time: 5 }, { far: 'run.info.run_id' }),
  post('runs/create', { experiment_id: '999' }),
  get('runs/get', { run_id: '$run' }),
  get('runs/get', { run_id: '0'.repeat(32) }),
  get('runs/get', {}),
  post('runs/log-parameter', { run_id: '$run', key: 'C', value: '0.1' }),
  post('runs/log-parameter', { run_id: '$run', key: 'C', value: '0.1' }),
  post('runs/log-parameter', { run_id: '$run', key: 'C', value: '0.2' }),
  post('runs/log-parameter', { run_id: '$run', key: '学習率', value: '1' }),
  post('runs/log-parameter', { run_id: '$run', key: '../x', value: '1' }),
  post('runs/log-metric', { run_id: '$run', key: 'loss', value: 0.5, timestamp: 10, step: 1 }),
  post('runs/log-metric', { run_id: '$run', key: 'loss', value: 'NaN', timestamp: 11, step: 2 }),
  post('runs/log-metric', { run_id: '$two', key: 'loss', value: 0.25, timestamp: 10, step: 1 }),
  post('runs/log-metric', { run_id: '$run', key: 'loss', value: 'x', timestamp: 11 }),
  post('runs/log-metric', { run_id: '$run', key: 'loss', value: 1 }),
  post('runs/log-batch', {
    run_id: '$two',
    metrics: [{ key: 'acc', value: 0.75, timestamp: 5, step: 0 }],
    params: [pair('p', '1'), pair('q', 'x')],
    tags: [pair('t', 'v')],
  }),
  post('runs/log-batch', { run_id: '$two', params: [pair('p', '1'), pair('p', '2')] }),
  post('runs/set-tag', { run_id: '$run', key: 'k', value: 'v' }),
  post('runs/delete-tag', { run_id: '$run', key: 'k' }),
  post('runs/delete-tag', { run_id: '$run', key: 'k' }),
  get('runs/get', { run_id: '$run' }),
  get('runs/get', { run_id: '$two' }),
  get('runs/get', { run_id: '$far' }),
  get('metrics/get-history', { run_id: '$run', metric_key: 'loss' }),
  get('metrics/get-history', { run_id: '$run', metric_key: 'nope' }),
  ...[
    'metrics.loss > 0.3',
    'metrics.loss > 0.9',
    "metrics.acc >= 0.75 and params.q = 'x'",
    "params.C LIKE '0%'",
    "tags.a = 'b'",
    "attributes.run_name IN ('two',)",
    "attributes.status = 'RUNNING'",
    'attributes.start_time > 1500',
    'metrics.loss',
    "nope.a = 'b'",
    "metrics.loss = 'x'",
  ].map((filter) => post('runs/search', { experiment_ids: ['$exp'], filter })),
  ...['metrics.loss ASC', 'attributes.start_time ASC', 'params.p DESC', 'tags.a', 'nope ASC'].map((order) =>
    post('runs/search', { experiment_ids: ['$exp'], order_by: [order] }),
  ),
  post('runs/search', { experiment_ids: ['$exp'], max_results: 0 }),
  post('runs/update', { run_id: '$two', end_time: 5_000 }),
  post('runs/update', { run_id: '$two', status: 'SCHEDULED', end_time: 5_500 }),
  ...[
    'attributes.end_time = 5500',
    'attributes.end_time > 5500',
    "attributes.status = 'SCHEDULED'",
    "attributes.artifact_uri LIKE '%/artifacts'",
    "attributes.artifact_uri = 'nowhere'",
  ].map((filter) => post('runs/search', { experiment_ids: ['$exp'], filter })),
  post('runs/search', { experiment_ids: ['$exp'], order_by: ['attributes.end_time ASC'], max_results: 1 }),
  post('runs/update', { run_id: '$two', status: 'FINISHED', end_time: 6_000 }),
  post('runs/update', { run_id: '$two', status: 'RUNNING' }),
  post('runs/update', { run_id: '$two', status: 'FAILED', end_time: 7_000, run_name: 'renamed' }),
  post('runs/update', { run_id: '$two', status: 'NOPE' }),
  post('runs/delete', { run_id: '$far' }),
  post('runs/log-metric', { run_id: '$far', key: 'a', value: 1, timestamp: 1 }),
  post('runs/search', { experiment_ids: ['$located'], run_view_type: 'DELETED_ONLY' }),
  post('runs/search', { experiment_ids: ['$located'], run_view_type: 2 }),
  post('runs/restore', { run_id: '$far' }),
];

const dataset = { name: 'iris', digest: 'd1', source_type: 'local', source: '{"a":1}', schema: '{}', profile: 'p' };
const inputs: readonly Request[] = [
  post('runs/log-inputs', {
    run_id: '$run',
    datasets: [{ tags: [pair('mlflow.data.context', 'train')], dataset }],
  }),
  post('runs/log-inputs', {
    run_id: '$run',
    datasets: [{ dataset: { ...dataset, digest: 'd2', profile: 'x'.repeat(1_500_000) } }],
  }),
  post('runs/log-inputs', { run_id: '$run', datasets: [{ dataset: { ...dataset, digest: 'd'.repeat(37) } }] }),
  post('runs/log-inputs', { run_id: '$run', datasets: [{ dataset, tags: [pair('a', 'x'.repeat(501))] }] }),
  post('runs/log-inputs', { run_id: '$far', datasets: [{ dataset: { name: 'x' } }] }),
  get('runs/get', { run_id: '$run' }),
  { method: 'POST', path: '/ajax-api/2.0/mlflow/experiments/search-datasets', body: { experiment_ids: ['$exp'] } },
];

const models: readonly Request[] = [
  post(
    'logged-models',
    {
      experiment_id: '$exp',
      name: 'tree',
      model_type: 't',
      source_run_id: '$run',
      params: [pair('C', '1')],
      tags: [pair('a', 'b')],
    },
    { model: 'model.info.model_id' },
  ),
  post('logged-models', { experiment_id: '$exp', name: 'a/b' }),
  post('logged-models', { experiment_id: '$exp', name: 'other' }, { other: 'model.info.model_id' }),
  get('logged-models/$model'),
  get(`logged-models/m-${'0'.repeat(32)}`),
  send('PATCH', 'logged-models/$model', { model_id: '$model', status: 'LOGGED_MODEL_READY' }),
  send('PATCH', 'logged-models/$model/tags', { model_id: '$model', tags: [pair('c', 'd')] }),
  send('DELETE', 'logged-models/$model/tags/nope'),
  post('logged-models/$model/params', { model_id: '$model', params: [pair('D', '2')] }),
  post('logged-models/$model/params', { model_id: '$model', params: [pair('D', '3')] }),
  post('runs/log-metric', {
    run_id: '$run',
    key: 'acc',
    value: 0.5,
    timestamp: 1,
    step: 0,
    model_id: '$model',
    dataset_name: 'iris',
    dataset_digest: 'd1',
  }),
  post('runs/log-metric', {
    run_id: '$run',
    key: 'acc',
    value: 0.5,
    timestamp: 1,
    step: 0,
    model_id: `m-${'0'.repeat(32)}`,
  }),
  ...['metrics.acc > 0.4', 'metrics.acc > 0.6', "params.C = '1'", "tags.a = 'b'", "name = 'tree'", 'nope = 1'].map(
    (filter) => post('logged-models/search', { experiment_ids: ['$exp'], filter }),
  ),
  post('logged-models/search', { experiment_ids: ['$exp'], datasets: [{ dataset_name: 'nope', dataset_digest: 'x' }] }),
  post('logged-models/search', {}),
  post('logged-models/search', { experiment_ids: ['$exp'], max_results: 1 }, { token: 'next_page_token' }),
  post('logged-models/search', { experiment_ids: ['$exp'], max_results: 1, page_token: '$token' }),
  post('logged-models/search', { experiment_ids: ['$exp'], filter: "name = 'tree'", page_token: '$token' }),
  post('logged-models/search', { experiment_ids: ['$exp', '0'], page_token: '$token' }),
  post('logged-models/search', {
    experiment_ids: ['$exp'],
    order_by: [{ field_name: 'name' }],
    page_token: '$token',
  }),
  post('runs/outputs', { run_id: '$run', models: [{ model_id: '$model', step: 3 }] }),
  send('DELETE', 'logged-models/$other'),
  get('logged-models/$other'),
];

const registry: readonly Request[] = [
  post('registered-models/create', { name: 'reg', description: 'd', tags: [pair('a', 'b')] }),
  post('registered-models/create', { name: 'reg' }),
  post('registered-models/create', { name: 'a/b' }),
  get('registered-models/get', { name: 'reg' }),
  get('registered-models/get', { name: 'nope' }),
  post('model-versions/create', { name: 'reg', source: 's3://bucket/x', run_id: '$run' }),
  post('model-versions/create', { name: 'nope', source: 's3://bucket/x' }),
  get('model-versions/get', { name: 'reg', version: '1' }),
  get('model-versions/get', { name: 'reg', version: '9' }),
  post('registered-models/alias', { name: 'reg', alias: 'best', version: '1' }),
  post('registered-models/alias', { name: 'reg', alias: 'v1', version: '1' }),
  get('registered-models/alias', { name: 'reg', alias: 'best' }),
  get('registered-models/alias', { name: 'reg', alias: 'nope' }),
  post('model-versions/set-tag', { name: 'reg', version: '1', key: 'k', value: 'v' }),
  post('model-versions/transition-stage', {
    name: 'reg',
    version: '1',
    stage: 'Production',
    archive_existing_versions: false,
  }),
  post('model-versions/transition-stage', { name: 'reg', version: '1', stage: 'nope' }),
  post('registered-models/get-latest-versions', { name: 'reg' }),
  get('registered-models/search', { filter: "name LIKE 'r%'" }),
  get('model-versions/search', { filter: "name = 'reg' and tags.k = 'v'" }),
  get('registered-models/search', { filter: 'nope = 1' }),
  post('registered-models/create', { name: 'prompt', tags: [pair('mlflow.prompt.is_prompt', 'true')] }),
  get('registered-models/search'),
  post('registered-models/rename', { name: 'reg', new_name: 'registered' }),
  send('DELETE', 'registered-models/alias', { name: 'registered', alias: 'best' }),
  send('DELETE', 'registered-models/delete', { name: 'nope' }),
];

const location = { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: '$exp' } };
const v3post = (path: string, body: unknown, save: Request['save'] = {}): Request => ({
  method: 'POST',
  path: `${v3}${path}`,
  body,
  save,
});
const search = (filter: string): Request => v3post('/traces/search', { locations: [location], filter });
const traces: readonly Request[] = [
  v3post('/traces', {
    trace: {
      trace_info: {
        trace_id: trace,
        trace_location: location,
        request_time: '2024-01-01T00:00:00Z',
        execution_duration: '0.25s',
        state: 'OK',
        request_preview: 'q',
        response_preview: 'a',
        trace_metadata: { m: '1' },
        tags: { 'mlflow.traceName': 'named', t: '1' },
      },
    },
  }),
  { method: 'GET', path: `${v3}/traces/${trace}` },
  { method: 'GET', path: `${v3}/traces/tr-none` },
  send('PATCH', `traces/${trace}/tags`, { key: 'x', value: 'y' }),
  send('DELETE', `traces/${trace}/tags`, { key: 'x' }),
  send('DELETE', `traces/${trace}/tags`, { key: 'mlflow.artifactLocation' }),
  { method: 'GET', path: `${v3}/traces/${trace}` },
  spans(
    [
      span('11', 'root', [
        text('gen_ai.operation.name', 'chat'),
        text('gen_ai.input.messages', '[{"role":"user","content":"Hello"}]'),
        text('gen_ai.output.messages', '[{"role":"assistant","content":"Hi"}]'),
        whole('gen_ai.usage.input_tokens', 100),
        whole('gen_ai.usage.output_tokens', 50),
        text('gen_ai.request.model', 'small'),
      ]),
    ],
    {},
    { attributes: [text('service.name', 'codex_cli_rs'), text('team', 'a')] },
  ),
  spans([
    span(
      '22',
      'below',
      [
        text('openinference.span.kind', 'LLM'),
        text('input.value', '{"messages":[{"role":"user","content":"why"}]}'),
        text('output.value', 'because'),
        whole('llm.token_count.prompt', 3),
        whole('llm.token_count.completion', 4),
      ],
      { parentSpanId: '11'.repeat(8) },
    ),
  ]),
  spans([
    span(
      '33',
      'loop',
      [
        text('traceloop.span.kind', 'workflow'),
        text('traceloop.entity.input', '{"a":1}'),
        text('traceloop.entity.output', 'out'),
        whole('gen_ai.usage.prompt_tokens', 1),
        whole('gen_ai.usage.completion_tokens', 2),
      ],
      { traceId: 'ef'.repeat(16) },
    ),
    span('44', 'failed', [text('input.value', 'plain words'), { key: 'n', value: { doubleValue: 0.5 } }], {
      traceId: 'ef'.repeat(16),
      parentSpanId: '33'.repeat(8),
      status: { code: 2, message: 'no' },
      events: [
        { name: 'exception', timeUnixNano: '1700000000100000000', attributes: [text('exception.message', 'm')] },
      ],
    }),
  ]),
  { method: 'GET', path: `${v3}/traces/${otlp}` },
  { method: 'GET', path: `${v3}/traces/tr-${'ef'.repeat(16)}` },
  { method: 'GET', path: `${v3}/traces/get?trace_id=${otlp}` },
  { method: 'GET', path: `${v3}/traces/get?trace_id=tr-${'ef'.repeat(16)}` },
  spans([], {}),
  spans([{ name: 'without ids' }]),
  spans([span('55', 's', [])], { 'x-mlflow-experiment-id': '999' }),
  ...[
    "status = 'OK'",
    "name = 'named'",
    "tags.t = '1'",
    'execution_time_ms > 200',
    "metadata.m = '1'",
    'nope = 1',
    "span.name = 'below'",
  ].map(search),
  v3post(
    assessments(trace),
    {
      assessment: {
        assessment_name: 'score',
        source: { source_type: 'HUMAN', source_id: 'me' },
        feedback: { value: 0.5 },
        rationale: 'r',
        create_time: '2024-01-01T00:00:00Z',
        last_update_time: '2024-01-01T00:00:00Z',
      },
    },
    { score: 'assessment.assessment_id' },
  ),
  v3post(assessments(trace), {
    assessment: {
      assessment_name: 'facts',
      source: { source_type: 'HUMAN', source_id: 'me' },
      expectation: { value: { must: ['a'] } },
      create_time: '2024-01-01T00:00:00Z',
      last_update_time: '2024-01-01T00:00:00Z',
    },
  }),
  v3post(assessments(trace), {
    assessment: { assessment_name: 'nothing', source: { source_type: 'HUMAN', source_id: 'me' } },
  }),
  { method: 'GET', path: `${v3}${assessments(trace)}/$score` },
  { method: 'GET', path: `${v3}${assessments(trace)}/a-none` },
  search('feedback.score > 0.4'),
  post('traces/link-to-run', { trace_ids: [trace], run_id: '$run' }),
  search("run_id = '$run'"),
  post('traces/delete-traces', { experiment_id: '$exp', request_ids: [trace] }),
  post('traces/delete-traces', { experiment_id: '$exp' }),
  search(''),
];

const ends: readonly Request[] = [
  post('experiments/delete', { experiment_id: '$located' }),
  post('experiments/delete', { experiment_id: '999' }),
  post('runs/create', { experiment_id: '$located' }),
  post('experiments/restore', { experiment_id: '$located' }),
  get('nope/nope'),
  { method: 'POST', path: `${v2}/runs/create`, body: 'no JSON' },
  get('artifacts/list', { run_id: '$run' }),
];

export const requests: readonly Request[] = [
  ...experiments,
  ...runs,
  ...inputs,
  ...models,
  ...registry,
  ...traces,
  ...ends,
];

import { request as httpRequest, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mlflowInstalled, runMlflow } from '../rigs/mlflow-rig.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

interface Answer {
  readonly status: number;
  readonly body: any;
}

let rig: ServerRig;
let url: string;
let run: string;
const fuzzedTrace = 'ef'.repeat(16);
const trace = `tr-${'ab'.repeat(16)}`;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
  run = (await post('runs/create', { experiment_id: '0' })).body.run.info.run_id;
  const spans = [{ traceId: trace.slice(3), spanId: 'cd'.repeat(8), name: 's' }];
  await sendSpans(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }), 'application/json');
});
afterAll(() => rig.close());

async function sendSpans(body: string | Uint8Array, type: string, more: Record<string, string> = {}): Promise<Answer> {
  const headers = { 'content-type': type, 'x-mlflow-experiment-id': '0', ...more };
  const response = await fetch(`${url}/v1/traces`, { method: 'POST', body, headers });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

async function send(method: string, path: string, body?: string | Uint8Array): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { method, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}
const post = (endpoint: string, body: unknown): Promise<Answer> =>
  send('POST', `/api/2.0/mlflow/${endpoint}`, typeof body === 'string' ? body : JSON.stringify(body));

/** As written, without a client's own tidying of the path. */
function sendRaw(method: string, path: string): Promise<number> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path, headers: { 'content-length': '1' } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    request.on('error', reject);
    request.end('x');
  });
}

const endpoints = [
  ...['experiments/create', 'experiments/search', 'experiments/update', 'experiments/set-experiment-tag'],
  ...['runs/create', 'runs/update', 'runs/search', 'runs/log-metric', 'runs/log-parameter', 'runs/log-batch'],
  ...['runs/set-tag', 'runs/delete-tag', 'runs/log-inputs', 'runs/outputs', 'runs/log-model', 'logged-models'],
  ...['logged-models/search', 'registered-models/create', 'registered-models/alias', 'model-versions/create'],
  ...['traces', 'traces/search', 'traces/batchGetInfos', 'traces/delete-traces', 'traces/link-to-run'],
  ...['traces/link-prompts', 'traces/TRACE/assessments'],
  ...['model-versions/transition-stage', 'experiments/search-datasets', 'registered-models/rename', 'runs/delete'],
];

describe("bad input is answered with MLflow's 4xx", () => {
  it('whatever JSON comes to whatever endpoint', async () => {
    const word = fc.constantFrom(
      ...['', '0', '1', 'a', '../x', 'm-1', 'x'.repeat(9_000), '\u0000', '\ud800', "'", '%', '🚀', '__proto__', 'NaN'],
      ...["feedback.a > 'x'", "tags.a LIKE '\\'", "span.content LIKE '%'", "run_id != ''", 'timestamp_ms > 1e999'],
      ...["metrics.a > 'x'", 'metrics.`a', 'a.b.c = 1', "name LIKE '%'", 'metrics.a DESC', 'nope ASC ASC'],
    );
    const value = fc.oneof(
      fc.constant('RUN'),
      word,
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.jsonValue({ maxDepth: 2 }),
      fc.array(fc.dictionary(fc.constantFrom('key', 'value', 'timestamp', 'step', 'model_id', 'dataset'), word)),
    );
    const field = fc.constantFrom(
      ...[
        'name',
        'experiment_id',
        'run_id',
        'run_uuid',
        'key',
        'value',
        'timestamp',
        'step',
        'metrics',
        'params',
        'tags',
      ],
      ...['filter', 'order_by', 'max_results', 'page_token', 'experiment_ids', 'status', 'end_time', 'datasets'],
      ...[
        'models',
        'model_json',
        'source',
        'version',
        'stage',
        'alias',
        'new_name',
        'start_time',
        'run_name',
        'user_id',
      ],
      ...['trace', 'trace_id', 'trace_ids', 'request_ids', 'locations', 'max_timestamp_millis', 'max_traces'],
      ...['assessment', 'assessment_name', 'feedback', 'expectation', 'source', 'metadata', 'prompt_versions'],
    );
    const body = fc.oneof(
      { weight: 6, arbitrary: fc.dictionary(field, value).map((fields) => JSON.stringify(fields)) },
      fc.json(),
      fc.string(),
      fc.constant('{"metrics": [{"key": "a", "value": NaN, "timestamp": 1}]}'),
    );
    // of its own: it may be deleted
    const fuzzed = (await post('runs/create', { experiment_id: '0' })).body.run.info.run_id;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...endpoints), body, async (endpoint, text) => {
        const { status, body: answer } = await post(
          endpoint.replace('TRACE', trace),
          text.replaceAll('"RUN"', JSON.stringify(fuzzed)),
        );
        expect(status, `${endpoint} ${text} ${JSON.stringify(answer)}`).toBeLessThan(500);
        if (status !== 200) expect(answer).toMatchObject({ error_code: /^[A-Z_]+$/.exec(answer.error_code)![0] });
      }),
      { numRuns: 600 },
    );
  });

  it.each([
    ['runs/log-metric', { run_id: 31 }, "Invalid value 31 for parameter 'run_id' supplied"],
    ['runs/log-batch', { run_id: 'RUN', metrics: [{ key: 'a', value: 1 }] }, "parameter 'metrics[0].timestamp'"],
    ['runs/log-batch', { run_id: 'RUN', metrics: manyMetrics() }, 'can contain at most 1000 metrics. Got 1001'],
    ['runs/log-batch', { run_id: 'RUN', params: [1, 2].map((v) => ({ key: 'p', value: `${v}` })) }, 'Duplicate'],
    ['runs/log-metric', { run_id: 'RUN', key: 'a'.repeat(300), value: 1, timestamp: 1 }, 'exceeds the maximum length'],
    ['runs/log-metric', { run_id: 'RUN', key: '../a', value: 1, timestamp: 1 }, 'Names may be treated as files'],
    ['runs/log-metric', { run_id: 'RUN', key: 'a', value: 'x', timestamp: 1 }, "parameter 'value' supplied"],
    ['runs/log-metric', { run_id: 'RUN', key: 'a', value: 1, timestamp: -1 }, 'nonnegative'],
    ['runs/search', { experiment_ids: ['0'], page_token: 'garbage' }, 'Invalid page token'],
    ['runs/search', { experiment_ids: ['0'], max_results: 60_000 }, 'It must be at most 50000'],
    ['experiments/search', {}, "for parameter 'max_results' supplied"],
    // tables are asked by these names, and a projector that could not ask would stop for good
    ['experiments/create', { name: 'a\u0000b' }, 'must not contain a NUL character'],
    ['experiments/update', { experiment_id: '0', new_name: '\u0000' }, 'must not contain a NUL character'],
    ['registered-models/create', { name: '\u0000' }, 'NUL character'],
    ['experiments/create', { name: '' }, "Missing value for required parameter 'name'"],
  ] as const)('%s %j: "%s"', async (endpoint, body, message) => {
    const { status, body: answer } = await post(
      endpoint,
      JSON.stringify(body).replaceAll('"RUN"', JSON.stringify(run)),
    );
    expect(answer).toMatchObject({ error_code: 'INVALID_PARAMETER_VALUE' });
    expect(answer.message).toContain(message);
    expect(status).toBe(400);
  });

  it('reads what traces hold as carefully, in both encodings of OpenTelemetry', async () => {
    const anything = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom('5', '-1', 'NaN', '\ud800', '\u0000', 1e300),
    );
    // mostly right, so that some of it is accepted and has to be read back
    const mostly = (right: fc.Arbitrary<unknown>) =>
      fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: anything });
    const hex = (digits: number) => fc.integer({ min: 1, max: 200 }).map((id) => id.toString(16).padStart(digits, '0'));
    const text = mostly(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\ud800', '\u0000', '')));
    const time = mostly(fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), fc.nat()));
    const { anyValue } = fc.letrec((tie) => ({
      anyValue: mostly(
        fc.oneof(
          { depthSize: 'small', withCrossShrink: true },
          fc.record({ stringValue: text }),
          fc.record({ intValue: mostly(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)) }),
          fc.record({ doubleValue: mostly(fc.oneof(fc.double(), fc.constantFrom('NaN', '-Infinity', '1e5'))) }),
          fc.record({ boolValue: mostly(fc.boolean()) }),
          fc.record({ bytesValue: mostly(fc.base64String()) }),
          fc.constant({}),
          fc.record({ arrayValue: fc.record({ values: fc.array(tie('anyValue'), { maxLength: 3 }) }) }),
          fc.record({ kvlistValue: fc.record({ values: fc.array(fc.record({ key: text, value: tie('anyValue') })) }) }),
        ),
      ),
    }));
    const attributes = mostly(fc.array(fc.record({ key: text, value: anyValue }), { maxLength: 3 }));
    const span = fc.record(
      {
        traceId: mostly(fc.constant(fuzzedTrace)),
        spanId: mostly(hex(16)),
        parentSpanId: mostly(hex(16)),
        name: text,
        kind: mostly(fc.constantFrom(0, 3, 'SPAN_KIND_CLIENT')),
        startTimeUnixNano: time,
        endTimeUnixNano: time,
        attributes,
        events: mostly(fc.array(fc.record({ name: text, timeUnixNano: time, attributes }), { maxLength: 2 })),
        links: mostly(fc.array(fc.record({ traceId: mostly(hex(32)), spanId: mostly(hex(16)) }), { maxLength: 2 })),
        status: mostly(fc.record({ code: mostly(fc.constantFrom(0, 1, 2, 'STATUS_CODE_ERROR')), message: text })),
      },
      { requiredKeys: ['traceId', 'spanId'] },
    );
    const few = { minLength: 1, maxLength: 2 };
    const scopes = fc.array(fc.record({ spans: fc.array(span, few) }), few);
    const sent = fc.record({ resourceSpans: fc.array(fc.record({ scopeSpans: scopes }), few) });
    const json = sent.map((each) => JSON.stringify(each));
    const body = fc.oneof({ weight: 8, arbitrary: json }, fc.json(), fc.uint8Array({ maxLength: 200 }));
    const type = fc.oneof(
      { weight: 4, arbitrary: fc.constant('application/json') },
      fc.constant('application/x-protobuf'),
    );
    await fc.assert(
      fc.asyncProperty(body, type, async (bytes, contentType) => {
        const { status, body: answer } = await sendSpans(bytes, contentType);
        if (status === 200) return;
        expect(answer?.error_code).toBe('INVALID_PARAMETER_VALUE');
        // what lacks an id is not the same as what is no OTLP
        expect(status).toBe(String(answer.message).includes(' is missing') ? 422 : 400);
      }),
      { numRuns: 400 },
    );
    const got = await send('GET', `/api/3.0/mlflow/traces/batchGet?trace_ids=tr-${fuzzedTrace}&trace_ids=tr-none`);
    expect(got.body.traces).toHaveLength(1);
    expect(got.body.traces[0].spans.length).toBeGreaterThan(10);
  });

  it.skipIf(!mlflowInstalled)(
    'and what was accepted, its client can read (skipped where it is not installed)',
    async () => {
      const program = `import mlflow; print(len(mlflow.get_trace("tr-${fuzzedTrace}").data.spans))`;
      expect(Number(await runMlflow(url, ['-c', program]))).toBeGreaterThan(10);
    },
  );

  it.each([
    ['garbage', 'application/x-protobuf', {}, 'not an OTLP export of traces'],
    ['', 'application/x-protobuf', {}, 'no spans found'],
    ['{}', 'application/json', {}, 'no spans found'],
    ['{}', 'text/plain', {}, 'Invalid Content-Type: text/plain'],
    ['{}', 'application/json', { 'x-mlflow-experiment-id': 'x' }, "Invalid experiment ID 'x'"],
    ['{}', 'application/json', { 'x-mlflow-experiment-id': '' }, "required header 'x-mlflow-experiment-id'"],
    ['{}', 'application/json', { 'content-encoding': 'gzip' }, 'not valid gzip'],
    [`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1"}]}]}]}`, 'application/json', {}, 'spans[0].traceId'],
  ])('spans %j as %s with %j: "%s"', async (body, type, headers, message) => {
    const answer = await sendSpans(body, type, headers);
    const status = message.startsWith('required header') ? 422 : 400;
    expect(answer).toMatchObject({ status, body: { error_code: 'INVALID_PARAMETER_VALUE' } });
    expect(answer.body.message).toContain(message);
  });

  it('refuses paths that would leave a folder, however they are written', async () => {
    const root = '/api/2.0/mlflow-artifacts/artifacts';
    const bad = [
      '../x',
      'a/../../x',
      '%2e%2e/x',
      '%252e%252e%252fx',
      '/etc/passwd',
      'a%5cb',
      'a//b',
      'c:%2fx',
      'a%00b',
    ];
    for (const path of [...bad, '%', 'a%23b'])
      for (const method of ['GET', 'PUT', 'DELETE']) expect(await sendRaw(method, `${root}/${path}`), path).toBe(400);
    expect((await send('GET', `${root}?path=..%2F..`)).status).toBe(400);
    expect((await send('GET', `${root}/1/none`)).body.error_code).toBe('RESOURCE_DOES_NOT_EXIST');
  });

  it('says that it does not know an endpoint, and that it has no multipart upload, as the client expects', async () => {
    expect(await send('POST', '/api/3.0/mlflow/scorers/register', '{}')).toMatchObject({
      status: 404,
      body: { error_code: 'ENDPOINT_NOT_FOUND' },
    });
    const upload = await send('POST', '/api/2.0/mlflow-artifacts/mpu/create/1/x', '{}');
    expect(upload.status).toBe(501);
    expect(upload.body.message).toMatch(/^Multipart upload is not supported for the current artifact repository/);
    expect((await send('GET', '/t/NOT%20A%20TENANT/api/2.0/mlflow/experiments/get?experiment_id=0')).status).toBe(400);
  });

  it('tells who sends much while much is being sent when to come again, and takes what is small', async () => {
    const { hostname, port } = new URL(url);
    const path = '/api/2.0/mlflow/runs/log-batch';
    const headers = { 'content-length': 32 * 1024 ** 2 };
    // begun, not ended: what has come counts, not what is announced
    const slow = Array.from({ length: 8 }, () => httpRequest({ hostname, port, path, method: 'POST', headers }));
    const answers = slow.map(async (sending) => {
      sending.on('error', () => undefined);
      const answered = new Promise<IncomingMessage>((resolve) => sending.once('response', resolve));
      sending.write(Buffer.alloc(31 * 1024 ** 2, ' '));
      return answered;
    });
    const refused = await Promise.race(answers);
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(Buffer.concat(await refused.toArray()).toString())).toMatchObject({
      error_code: 'REQUEST_LIMIT_EXCEEDED',
    });
    const tag = JSON.stringify({ run_id: run, key: 'patient', value: 'yes' });
    expect((await fetch(`${url}/api/2.0/mlflow/runs/set-tag`, { method: 'POST', body: tag })).status).toBe(200);
    for (const sending of slow) sending.destroy();
  });

  it('takes bodies of many megabytes, and refuses what is beyond its limit with a 4xx', async () => {
    const value = 'x'.repeat(6_000);
    const params = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `p${i}`, value }));
    expect((await post('runs/log-batch', { run_id: run, params: params(100) })).status).toBe(200);
    expect(
      (await post('runs/log-batch', { run_id: run, tags: [{ key: 't', value: 'y'.repeat(20_000_000) }] })).status,
    ).toBe(200);
    const { status, body } = await post('runs/set-tag', { run_id: run, key: 't', value: 'z'.repeat(33 * 1024 * 1024) });
    expect([status, body.error_code]).toEqual([400, 'INVALID_PARAMETER_VALUE']);
    expect((await send('GET', `/api/2.0/mlflow/runs/get?run_id=${run}`)).status).toBe(200);
  });
});

function manyMetrics() {
  return Array.from({ length: 1_001 }, (_, i) => ({ key: 'a', value: i, timestamp: 1, step: i }));
}

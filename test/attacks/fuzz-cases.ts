import { gzipSync } from 'node:zlib';
import { writeEventBatch } from '#libs/domain/wire/batch-codec.js';
import { block, points, started, wireEvent, writerOf } from '../rigs/client.js';

export type Random = () => number;
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

export const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const chance = (random: Random, of: number): boolean => random() < of;
const digest = `sha256:${'ab'.repeat(32)}`;
const upload = '7f1f0d3a-0000-4000-8000-00000000abcd';

/** Every door, with what it takes when it is used well. */
const routes: readonly (readonly [method: string, path: string, type: string, body: unknown])[] = [
  [
    'POST',
    '/v1/events',
    'application/cloudevents+json',
    { type: 'runstream.PointsLogged.v1', subject: 'fuzz', data: { step: 1, metrics: { loss: 0.3 } } },
  ],
  [
    'POST',
    '/v1/events',
    'application/cloudevents-batch+json',
    [
      {
        type: 'runstream.RunStarted.v1',
        subject: 'fuzz',
        reply: true,
        data: { project: 'fuzz', tags: { a: 'b' }, params: { lr: 0.1 } },
      },
      { type: 'runstream.TagsSet.v1', subject: 'fuzz', writer: 'w 1 0 1', data: { tags: {}, removed: ['a'] } },
    ],
  ],
  [
    'POST',
    '/graphql',
    'application/json',
    {
      query:
        'query($id: ID!) { run(id: $id) { id status params { key value } series(keys: ["loss"]) { x min } band(key: "loss") { x p50 } points(key: "loss") { step } completeness { complete } lines { lines { text } } } }',
      variables: { id: 'fuzz' },
    },
  ],
  [
    'POST',
    '/graphql',
    'application/json',
    {
      query:
        '{ runs(filter: "metrics.loss < 0.3 and params.lr = \'0.1\'", orderBy: "created desc", first: 3, after: "x") { nodes { id } totalCount } projects { nodes { name } } position server { version } registeredModels { nodes { name } } }',
    },
  ],
  ['GET', '/graphql?query={server{version}}&variables={}', '', null],
  ['POST', '/clickhouse', 'text/plain', "SELECT run, key, value FROM points WHERE run = 'fuzz' LIMIT 3"],
  ['GET', '/clickhouse?query=SELECT%20{a:UInt8}&param_a=1&default_format=JSON&max_result_rows=5', '', null],
  ['GET', '/clickhouse/ping', '', null],
  ['PUT', `/v1/artifacts/${digest}`, 'application/octet-stream', 'bytes'],
  ['GET', `/v1/artifacts/${digest}?name=x`, '', null],
  ['GET', `/v1/artifacts/${digest}/url`, '', null],
  ['HEAD', `/v1/artifacts/uploads/${upload}`, '', null],
  ['PATCH', `/v1/artifacts/uploads/${upload}`, 'application/octet-stream', 'bytes'],
  ['POST', `/v1/artifacts/uploads/${upload}/complete`, 'application/json', { digest }],
  ['POST', `/v1/artifacts/uploads/${upload}/url`, '', null],
  ['GET', '/v1/export?run=fuzz', '', null],
  ['POST', '/v1/admin/keys/list', 'application/json', {}],
  ['POST', '/v1/admin/keys/revoke', 'application/json', { keyId: '0123456789ab' }],
  [
    'POST',
    '/v1/traces',
    'application/json',
    {
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: [
                {
                  traceId: '0'.repeat(31) + '1',
                  spanId: '0'.repeat(15) + '1',
                  name: 's',
                  startTimeUnixNano: '1',
                  endTimeUnixNano: '2',
                  attributes: [{ key: 'a', value: { stringValue: 'b' } }],
                },
              ],
            },
          ],
        },
      ],
    },
  ],
  [
    'POST',
    '/api/2.0/mlflow/experiments/create',
    'application/json',
    { name: 'fuzz', tags: [{ key: 'a', value: 'b' }] },
  ],
  ['POST', '/api/2.0/mlflow/runs/create', 'application/json', { experiment_id: '0', start_time: 1, tags: [] }],
  [
    'POST',
    '/api/2.0/mlflow/runs/log-batch',
    'application/json',
    {
      run_id: 'fuzz',
      metrics: [{ key: 'a', value: 1, timestamp: 1, step: 1 }],
      params: [{ key: 'p', value: 'q' }],
      tags: [],
    },
  ],
  [
    'POST',
    '/ajax-api/2.0/mlflow/runs/search',
    'application/json',
    {
      experiment_ids: ['0'],
      filter: "metrics.a > 1 and tags.`b c` = 'd'",
      max_results: 5,
      order_by: ['metrics.a DESC'],
    },
  ],
  ['GET', '/api/2.0/mlflow/runs/get?run_id=fuzz', '', null],
  ['GET', '/api/2.0/mlflow/metrics/get-history?run_id=fuzz&metric_key=a&page_token=eyJvZmZzZXQiOjF9', '', null],
  ['POST', '/api/2.0/mlflow/registered-models/create', 'application/json', { name: 'fuzz' }],
  ['GET', "/t/team/api/2.0/mlflow/registered-models/search?filter=name%20LIKE%20'f%25'&max_results=3", '', null],
  [
    'POST',
    '/api/2.0/mlflow/runs/log-model',
    'application/json',
    { run_id: 'fuzz', model_json: '{"artifact_path":"m"}' },
  ],
  [
    'POST',
    '/api/3.0/mlflow/traces/search',
    'application/json',
    { locations: [], filter: "attributes.status = 'OK'", max_results: 5 },
  ],
  ['PUT', '/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/file.txt', 'text/plain', 'bytes'],
  ['GET', '/api/2.0/mlflow-artifacts/artifacts?path=0/x', '', null],
  ['DELETE', '/api/2.0/mlflow-artifacts/artifacts/0/x/artifacts/file.txt', '', null],
  ['GET', '/get-artifact?run_id=fuzz&path=a', '', null],
  ['GET', '/healthz', '', null],
  ['GET', '/readyz', '', null],
  ['GET', '/metrics', '', null],
  ['GET', '/runs/fuzz', '', null],
];

const texts = [
  '',
  'fuzz',
  '\0',
  '%',
  '%2e%2e%2f',
  '../../etc/passwd',
  "'; DROP TABLE x",
  '__proto__',
  'constructor',
  '𝕊\ud800',
  'a'.repeat(2_000),
  '{{',
  '-1',
  '1e999',
  'NaN',
  'null',
  '(((((',
  '`',
  '"',
];
const values: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  1.5,
  2 ** 53,
  '',
  [],
  {},
  [[[]]],
  { a: { b: [] } },
  ...texts,
];

/** A value with one or some of its parts replaced, dropped, doubled. */
export function mutated(random: Random, value: unknown): unknown {
  if (chance(random, 0.15)) return pick(random, values);
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => (chance(random, 0.5) ? mutated(random, item) : item));
    return chance(random, 0.2) ? [...items, ...items] : chance(random, 0.1) ? items.slice(1) : items;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
      if (chance(random, 0.1)) return [];
      return [[chance(random, 0.05) ? pick(random, texts) : key, chance(random, 0.4) ? mutated(random, item) : item]];
    });
    return Object.fromEntries(entries);
  }
  return typeof value === 'string' ? mutatedText(random, value) : pick(random, values);
}

export function mutatedText(random: Random, text: string): string {
  const at = Math.floor(random() * (text.length + 1));
  const to = Math.min(text.length, at + Math.floor(random() * 8));
  switch (Math.floor(random() * 4)) {
    case 0:
      return text.slice(0, at) + pick(random, texts) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, to) + text.slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 300)) + text.slice(to);
  }
}

const bytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));

const batch = Buffer.from(
  writeEventBatch([
    wireEvent(started('fuzz', 'fuzz')),
    wireEvent(points('fuzz', writerOf('w', 1), [block(['a', 'b'], [1, 2, 3], (k, s) => k + s)])),
  ]),
);

export function bodyOf(random: Random, body: unknown): Buffer | null {
  if (body === null) return chance(random, 0.2) ? bytes(random, 20) : null;
  if (chance(random, 0.1)) return bytes(random, Math.floor(random() * 300));
  if (typeof body === 'string') return Buffer.from(chance(random, 0.5) ? mutatedText(random, body) : body);
  const text = JSON.stringify(chance(random, 0.8) ? mutated(random, body) : body);
  return Buffer.from(chance(random, 0.2) ? mutatedText(random, text) : text);
}

const oddHeaders: readonly Readonly<Record<string, string>>[] = [
  {},
  {},
  {},
  { range: 'bytes=5-2' },
  { range: 'bytes=-0' },
  { 'upload-offset': '0' },
  { 'upload-offset': '-1' },
  { 'upload-offset': '1e3' },
  { accept: 'application/x-protobuf' },
  { accept: 'multipart/mixed; deferSpec=20220824' },
  { 'content-encoding': 'zstd' },
  { 'content-encoding': 'br' },
  { authorization: 'Basic ====' },
  { authorization: 'Bearer ' },
  { origin: 'https://evil.example' },
  { 'sec-fetch-site': 'cross-site' },
  { 'x-mlflow-experiment-id': '0', 'x-mlflow-run-id': 'fuzz' },
  { 'x-mlflow-experiment-id': 'é' },
  { 'apollo-require-preflight': '1' },
  { expect: '100-continue' },
  { 'x-http-method-override': 'DELETE' },
];

/** One request that is nearly right, or not at all. */
export function fuzzRequest(random: Random): FuzzRequest {
  const [method, path, type, body] = pick(random, routes);
  const headers: Record<string, string> = { ...(type && { 'content-type': type }), ...pick(random, oddHeaders) };
  if (chance(random, 0.1))
    headers['content-type'] = pick(random, [
      '',
      'text/plain',
      'application/json',
      'application/x-protobuf',
      'multipart/form-data; boundary=x',
      ';;;',
    ]);
  let sent = bodyOf(random, body);
  if (path === '/v1/events' && chance(random, 0.5)) {
    headers['content-type'] = 'application/x-protobuf';
    sent = Buffer.from(batch);
    for (let i = random() * 4; i > 0; i--) sent[Math.floor(random() * sent.length)] = Math.floor(random() * 256);
  }
  if (sent && chance(random, 0.1)) {
    headers['content-encoding'] = 'gzip';
    sent = gzipSync(sent).subarray(0, chance(random, 0.5) ? undefined : 15);
  }
  return {
    method: chance(random, 0.1) ? pick(random, ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) : method,
    path: chance(random, 0.4)
      ? encodeURI(mutatedText(random, path).replace(/\p{Surrogate}/gu, '')).replace(/%25/g, '%')
      : path,
    headers,
    body: sent,
  };
}

const operations: readonly unknown[] = [
  { query: 'subscription { runChanged(ids: ["fuzz"]) { cursor } }' },
  { query: 'subscription { metricFrames(run: "fuzz", keys: ["a"], after: "x") { cursor frame } }' },
  { query: 'subscription { lines(run: "fuzz") { cursor } }' },
  { query: '{ server { version } }', variables: { a: 1 }, operationName: null },
];

/** What a client may say on a socket, nearly. */
export function fuzzMessages(random: Random): readonly (string | Buffer)[] {
  const said: (string | Buffer)[] = chance(random, 0.9) ? ['{"type":"connection_init"}'] : [];
  for (let i = 0; i < 1 + random() * 5; i++) {
    const message = {
      id: String(i),
      type: pick(random, ['subscribe', 'subscribe', 'subscribe', 'complete', 'ping', 'pong', 'next']),
      payload: pick(random, operations),
    };
    const text = JSON.stringify(chance(random, 0.7) ? mutated(random, message) : message);
    said.push(chance(random, 0.1) ? bytes(random, 50) : chance(random, 0.1) ? mutatedText(random, text) : text);
  }
  return said;
}

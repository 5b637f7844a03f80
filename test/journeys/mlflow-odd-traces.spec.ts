import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gql, postEvents } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
});
afterAll(() => rig.close());

async function send(
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: any }> {
  const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}

describe('traces that other clients wrote', () => {
  it('shows a trace whose spans name files that are not there', async () => {
    const trace = `tr-${'5'.repeat(32)}`;
    const info = {
      trace_id: trace,
      trace_location: { mlflow_experiment: { experiment_id: '0' } },
      request_time: '2026-01-01T00:00:00Z',
      state: 'OK',
    };
    const logged = await send('POST', '/api/3.0/mlflow/traces', JSON.stringify({ trace: { trace_info: info } }));
    expect(logged.status, JSON.stringify(logged.body)).toBe(200);
    const files = ['nothing', '../../x', `sha256:${'0'.repeat(64)}`];
    const spans = files.map((storedAs, i) => JSON.stringify({ traceId: '55', spanId: `0${i}`, storedAs }));
    await postEvents(url, [{ name: 'SpansLogged', subject: trace, data: { spans } }]);
    const { status, body } = await send('GET', `/api/3.0/mlflow/traces/batchGet?trace_ids=${trace}`);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.traces).toMatchObject([{ trace_info: { trace_id: trace }, spans: [] }]);
  });

  it('goes on with a trace of which another client said anything, in every API', async () => {
    const id = '6'.repeat(32);
    const subject = `tr-${id}`;
    const odd = {
      spanId: '7'.repeat(16),
      parentSpanId: 8,
      status: { code: 'constructor' },
      attributes: [
        null,
        'x',
        { key: 5 },
        { key: 'a', value: null },
        { key: 'b', value: { arrayValue: { values: 'c' } } },
      ],
      events: [null, { attributes: [{ key: 'd', value: { kvlistValue: { values: [null, { key: 'e' }] } } }] }],
    };
    const deep = `{"spanId":"9","attributes":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
    const trace = { timeMs: 1, durationMs: 0, hasDuration: false, state: 'constructor', project: 'Default' };
    const unsaid = {
      requestPreview: '',
      responsePreview: '',
      clientRequestId: '',
      metadata: {},
      tags: {},
      fromSpans: true,
    };
    const spans = ['no span', 'null', '[]', '5', deep, JSON.stringify(odd)];
    await postEvents(url, [{ name: 'SpansLogged', subject, data: { spans } }]);
    const attributes = [
      { key: 'gen_ai.usage.input_tokens', value: { intValue: '3' } },
      { key: 'gen_ai.usage.output_tokens', value: { intValue: '4' } },
    ];
    const more = {
      traceId: id,
      spanId: 'a'.repeat(16),
      name: 'n',
      startTimeUnixNano: '1',
      endTimeUnixNano: '2',
      attributes,
    };
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [more] }] }] });
    const headers = { 'content-type': 'application/json', 'x-mlflow-experiment-id': '0' };
    expect(await send('POST', '/v1/traces', body, headers)).toMatchObject({ status: 200 });
    const { results, position } = await postEvents(url, [
      { name: 'TraceLogged', subject, data: { ...trace, ...unsaid } },
    ]);
    expect(results).toMatchObject([{ status: 'accepted' }]);
    const { status, body: got } = await send('GET', `/api/3.0/mlflow/traces/batchGet?trace_ids=${subject}`);
    expect(status, JSON.stringify(got)).toBe(200);
    const usage = got.traces[0].trace_info.trace_metadata['mlflow.trace.tokenUsage'];
    expect(JSON.parse(usage)).toEqual({ input_tokens: 3, output_tokens: 4, total_tokens: 7 });
    const answer = await gql(
      url,
      'query($id: ID!, $at: String) { trace(id: $id, at: $at) { status tokenUsage { total } spans { id status } } }',
      {
        id: subject,
        at: position,
      },
    );
    expect(answer['trace']).toMatchObject({ status: 'UNSET', tokenUsage: { total: 7 } });
    expect(answer['trace'].spans.map((span: { id: string }) => span.id)).toContain('7'.repeat(16));
    const sql = await fetch(`${url}/clickhouse`, {
      method: 'POST',
      body: `SELECT count() FROM spans WHERE trace = '${subject}'`,
    });
    expect(sql.status, await sql.text()).toBe(200);
  });

  it('sums up the tokens of spans that come in many requests at once', async () => {
    const id = '8'.repeat(32);
    const sent = Array.from({ length: 12 }, (_, i) => {
      const span = {
        traceId: id,
        spanId: (i + 1).toString(16).padStart(16, '0'),
        name: `call ${i}`,
        startTimeUnixNano: '1000000',
        endTimeUnixNano: '2000000',
        attributes: [{ key: 'gen_ai.usage.input_tokens', value: { intValue: String(i + 1) } }],
      };
      return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] });
    });
    const headers = { 'content-type': 'application/json', 'x-mlflow-experiment-id': '0' };
    const answers = await Promise.all(sent.map((body) => send('POST', '/v1/traces', body, headers)));
    expect(answers.map(({ status }) => status)).toEqual(sent.map(() => 200));
    const { body } = await send('GET', `/api/3.0/mlflow/traces/batchGet?trace_ids=tr-${id}`);
    const usage = JSON.parse(body.traces[0].trace_info.trace_metadata['mlflow.trace.tokenUsage']);
    expect(usage.input_tokens).toBe((12 * 13) / 2);
  });
});

import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { openEmbeddedServer, type ServerRig } from '../rigs/embedded-rig.js';
import { gql } from '../rigs/client.js';

const friend = 'https://grafana.example.com';
let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openEmbeddedServer({ RUNSTREAM_ORIGINS: friend });
  url = rig.server.url;
});
afterAll(() => rig.close());

interface Said {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}
/** Unlike fetch it says any header. */
function ask(method: string, path: string, headers: Record<string, string>, body = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    const asking = request(
      `${url}${path}`,
      { method, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}

/** What a page can send without asking first, at each door that writes or tells. */
const doors = [
  ['POST', '/api/2.0/mlflow/experiments/create', '{"name":"from a page"}'],
  ['POST', '/ajax-api/2.0/mlflow/experiments/delete', '{"experiment_id":"0"}'],
  ['POST', '/t/team/api/2.0/mlflow/runs/create', '{"experiment_id":"0"}'],
  ['POST', '/ajax-api/2.0/mlflow/upload-artifact?run_uuid=x&path=y', 'bytes'],
  ['GET', '/api/2.0/mlflow/experiments/get?experiment_id=0', ''],
  ['POST', '/v1/traces', ''],
  ['POST', '/v1/events', '[]'],
  ['POST', '/clickhouse', 'SELECT 1'],
  ['GET', '/clickhouse?query=SELECT%201', ''],
  ['GET', '/graphql?query={__typename}', ''],
  ['POST', '/v1/admin/rebuild', '{"projection":"runs"}'],
  ['GET', '/v1/export', ''],
  ['GET', `/v1/artifacts/sha256:${'0'.repeat(64)}`, ''],
  ['POST', '/v1/artifacts/uploads/x/url', ''],
  ['GET', '/metrics', ''],
  ['GET', '/nowhere', ''],
] as const;

const pages: readonly Record<string, string>[] = [
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'http://127.0.0.1:1' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
];

describe('a page of another site', () => {
  it.each(doors)('is refused at %s %s', async (method, path, body) => {
    for (const page of pages) {
      const said = await ask(method, path, { ...page, 'content-type': 'text/plain' }, body);
      expect(said.status, JSON.stringify(page)).toBe(403);
      expect(said.headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('left nothing behind', async () => {
    expect((await gql(url, '{ projects { totalCount } }'))['projects'].totalCount).toBe(0);
  });

  it('opens no socket; our own page and a program do', async () => {
    const open = (origin?: string): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = new WebSocket(
          `${url.replace('http', 'ws')}/graphql`,
          'graphql-transport-ws',
          origin ? { origin } : {},
        );
        socket.on('open', () => (socket.close(), resolve(true))).on('error', () => resolve(false));
      });
    expect(await open('https://evil.example')).toBe(false);
    expect(await open('http://127.0.0.1:1')).toBe(false);
    for (const origin of [undefined, url, friend]) expect(await open(origin), origin).toBe(true);
  });

  it('may ask when it is listed, after it has asked whether it may', async () => {
    const before = await ask('OPTIONS', '/clickhouse', { origin: friend, 'access-control-request-method': 'POST' });
    expect(before).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': friend } });
    const said = await ask('POST', '/clickhouse', { origin: friend, 'sec-fetch-site': 'cross-site' }, 'SELECT 1');
    expect(said).toMatchObject({ status: 200, text: '1\n', headers: { 'access-control-allow-origin': friend } });
  });

  it('may link to ours', async () => {
    const said = await ask('GET', '/runs/some-run', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' });
    expect(said.status).not.toBe(403);
  });
});

it('every answer says that it stands in no frame, is of its type, and runs no script but our files', async () => {
  const some = [
    ...doors.map(([method, path]) => [method, path] as const),
    ['GET', '/'],
    ['GET', '/runs/x'],
    ['GET', '/healthz'],
    ['GET', '/%'],
    ['PUT', '/healthz'],
    ['HEAD', '/metrics'],
  ] as const;
  for (const [method, path] of some) {
    const { headers } = await ask(method, path, {});
    expect(headers, path).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
    expect(headers['content-security-policy'], path).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers['content-security-policy'], path).not.toMatch(/script-src[^;]*unsafe/);
  }
});

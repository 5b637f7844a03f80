import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInstruments } from '#libs/observability/instruments.js';
import type { RunTable } from '#libs/runs/run-table.js';
import { createApiKey, createAuth } from './auth.js';
import { createHttpAdapter, pageRoutes } from './http-adapter.js';

const made = createApiKey();
const bearer = { authorization: `Bearer ${made.key}` };
const table = { apiKeys: () => Promise.resolve([made]) } as unknown as RunTable;
const instruments = createInstruments();
const friend = 'https://grafana.example.com';
const adapterFor = (host: string): FastifyInstance =>
  createHttpAdapter({ auth: createAuth(table, host, () => 0), instruments, origins: [friend] }).getInstance();
const open = [
  '/healthz',
  '/readyz',
  '/',
  '/index.html',
  '/t/:tenant',
  '/t/:tenant/',
  '/assets/:name',
  '/sdk/python',
  '/sdk/:file',
];
const pages = pageRoutes.flatMap((page) => [page, `${page}/*`]);
const closed = ['/sdkx', '/v1/events', '/metrics', '/runsx', '/t/:tenant/api', '/x/assets/:name', '/healthz/more'];

describe('the gate', () => {
  let gate: FastifyInstance;
  let loopback: FastifyInstance;
  beforeAll(async () => {
    [gate, loopback] = [adapterFor('0.0.0.0'), adapterFor('127.0.0.1')];
    for (const each of [gate, loopback])
      for (const url of [...open, ...pages, ...closed])
        each.get(url, (request, reply) => reply.send({ caller: request.caller }));
    await gate.listen({ port: 0, host: '127.0.0.1' });
    await loopback.ready();
  });
  afterAll(async () => {
    await gate.close();
    await loopback.close();
  });
  const ask = (url: string, headers: Record<string, string> = {}) => gate.inject({ url, headers });
  const address = (route: string): string =>
    route.replace(':tenant', 'team').replace(':name', 'a.js').replace('*', 'x/y');

  it.each([...open, ...pages])('lets everybody see %s, which holds no data', async (route) => {
    expect((await ask(address(route))).statusCode).toBe(200);
    expect((await ask(address(route), { 'sec-fetch-site': 'cross-site' })).statusCode).toBe(200);
  });

  it.each([...closed, '/nowhere'])('asks for a key at %s, and says so to browsers too', async (route) => {
    const refused = await ask(address(route));
    expect([refused.statusCode, refused.headers.connection, refused.headers['www-authenticate']]).toEqual([
      401,
      'close',
      'Bearer',
    ]);
    expect(refused.headers['x-content-type-options']).toBe('nosniff');
    expect((await ask(address(route), bearer)).statusCode).toBe(route === '/nowhere' ? 404 : 200);
  });

  it('knows whose request it is: a key, or an address where none is needed', async () => {
    expect((await ask('/metrics', bearer)).json()).toEqual({ caller: made.keyId });
    expect((await loopback.inject({ url: '/metrics' })).json()).toEqual({ caller: '127.0.0.1' });
  });

  it('lets in only the pages that are listed, with their name in the answer', async () => {
    const listed = await ask('/metrics', { ...bearer, origin: friend });
    expect(listed.headers['access-control-allow-origin']).toBe(friend);
    const own = await ask('/metrics', { ...bearer, origin: 'http://localhost', host: 'localhost' });
    expect([own.statusCode, own.headers['access-control-allow-origin']]).toEqual([200, undefined]);
    const long = await ask('/metrics', { ...bearer, origin: `https://${'x'.repeat(500)}.example` });
    expect([long.statusCode, long.body.length < 500]).toEqual([403, true]);
    const before = await gate.inject({ method: 'OPTIONS', url: '/metrics', headers: { origin: friend } });
    expect(before.statusCode).toBe(204);
    expect((await gate.inject({ method: 'OPTIONS', url: '/metrics', headers: bearer })).statusCode).toBe(404);
  });

  it('says that the store of keys failed, and to nobody that a key is wrong then', async () => {
    const away = { apiKeys: () => Promise.reject(new Error('our mistake')) } as unknown as RunTable;
    const auth = createAuth(away, '0.0.0.0', () => 0);
    const broken = createHttpAdapter({ auth, instruments, origins: [] }).getInstance();
    broken.get('/metrics', () => 'x');
    expect((await broken.inject({ url: '/metrics', headers: bearer })).statusCode).toBe(500);
    await broken.close();
  });

  it('counts every answer by its route and status', async () => {
    await ask('/metrics', bearer);
    await ask('/nowhere');
    const { values } = await instruments.httpRequests.get();
    const counted = values.map(({ labels }) => `${String(labels['route'])} ${String(labels['status'])}`);
    expect(counted).toEqual(expect.arrayContaining(['/metrics 200', 'none 401']));
  });

  it('answers an address that is none', async () => {
    const { statusCode, headers, body } = await ask('/%');
    expect([statusCode, headers.connection, headers['x-frame-options']]).toEqual([400, 'close', 'DENY']);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'INVALID_ARGUMENT' } });
  });

  it.each([
    ['nonsense\r\n\r\n', 400, 'INVALID_ARGUMENT'],
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(100_000)}\r\n\r\n`, 431, 'TOO_LARGE'],
  ])('answers what is no request: case %#', async (sent, status, code) => {
    const { port } = gate.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    let said = '';
    await new Promise((resolve) => {
      socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
      socket.on('close', resolve).on('error', () => undefined);
      socket.write(sent);
    });
    const [head, body] = said.split('\r\n\r\n') as [string, string];
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/x-content-type-options: nosniff\r\n/);
    expect(head).toContain(`content-length: ${body.length}`);
    expect(JSON.parse(body)).toMatchObject({ error: { code } });
  });
});

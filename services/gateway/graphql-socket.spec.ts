import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import { createInstruments } from '#libs/observability/instruments.js';
import { createLogger } from '#libs/observability/logger.js';
import { Progress } from '#libs/projecting/progress.js';
import type { RunTable } from '#libs/runs/run-table.js';
import { createApiKey, createAuth } from '../http/auth.js';
import { createGatewaySchema } from './gateway-schema.js';
import type { Gateway } from './gateway.js';
import { openGraphqlSocket } from './graphql-socket.js';

const made = createApiKey();
const friend = 'https://grafana.example.com';
const schema = createGatewaySchema();

describe.each(['127.0.0.1', '0.0.0.0'])('the socket of a server on %s', (host) => {
  let server: Server;
  let socket: { close(): Promise<void> };
  let url: string;
  let keys: readonly (typeof made)[];
  const clients: Client[] = [];
  beforeEach(async () => {
    keys = [made];
    const table = { apiKeys: () => Promise.resolve(keys) } as unknown as RunTable;
    let now = 0;
    const auth = createAuth(table, host, () => (now += 10_000));
    const backend = {
      configuration: { origins: [friend], roles: [] },
      families: [],
      progress: new Progress(),
      clock: Date.now,
    };
    server = createServer();
    const gateway = {
      backend,
      schema,
      auth,
      authRequired: auth.required,
      version: '1',
      logger: createLogger('error', () => undefined, Date.now),
      instruments: createInstruments(),
    };
    socket = openGraphqlSocket(server, gateway as unknown as Gateway);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.dispose();
    await socket.close();
    await new Promise((resolve) => server.close(resolve));
  });

  /** 101, or what the upgrade is answered instead. */
  const upgrade = (headers: Record<string, string> = {}, address = url, protocol = 'graphql-transport-ws') =>
    new Promise<number>((resolve, reject) => {
      const opened = new WebSocket(address, protocol, { headers });
      opened.on('open', () => (opened.close(), resolve(101)));
      opened.on('unexpected-response', (_, response) => resolve(response.statusCode!));
      opened.on('error', (error) => (/protocol/.test(error.message) ? resolve(0) : reject(error)));
    });
  const connect = (params: Record<string, string> = {}): Client => {
    const client = createClient({
      url,
      webSocketImpl: WebSocket,
      connectionParams: params,
      retryAttempts: 0,
      lazyCloseTimeout: 60_000,
    });
    clients.push(client);
    return client;
  };
  const authorized = { authorization: `Bearer ${made.key}` };
  const ask = async (client: Client, query = '{ server { version } }') =>
    (await client.iterate({ query }).next()).value as {
      data?: unknown;
      errors?: readonly { message: string; extensions?: unknown }[];
    };

  it('opens for programs, our own page and listed ones, and for no page of another site', async () => {
    const own = new URL(url).host;
    for (const headers of [{}, { origin: `http://${own}` }, { origin: friend }])
      expect(await upgrade(headers), JSON.stringify(headers)).toBe(101);
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1'])
      expect(await upgrade({ origin }), origin).toBe(403);
    expect(await upgrade({ 'sec-fetch-site': 'cross-site' })).toBe(403);
  });

  it('is at /graphql only, and speaks one protocol', async () => {
    expect(await upgrade({}, url.replace('/graphql', '/other'))).toBe(404);
    expect(await upgrade({}, `${url}?a=b`)).toBe(101);
    expect(await upgrade({}, url, 'graphql-ws')).toBe(0);
  });

  it('answers operations, each with what is wrong with it, and goes on', async () => {
    const client = connect(authorized);
    expect(await ask(client)).toEqual({ data: { server: { version: '1' } } });
    await expect(ask(client, '{ nobody }')).rejects.toEqual([
      expect.objectContaining({ message: expect.stringMatching(/Cannot query field/) as string }),
    ]);
    const deep = `{ run(id: "x") ${'{ children(first: 1) '.repeat(12)} { id } ${'}'.repeat(12)} }`;
    await expect(ask(client, deep)).rejects.toEqual([
      expect.objectContaining({ message: expect.stringMatching(/levels deep/) as string }),
    ]);
    const failed = await ask(client, '{ run(id: "x", at: "nonsense") { id } }');
    expect(failed).toMatchObject({ data: { run: null }, errors: [{ extensions: { code: 'INVALID_ARGUMENT' } }] });
    expect(await ask(client)).toEqual({ data: { server: { version: '1' } } });
  });

  it('takes no message of more than a mebibyte', async () => {
    const client = connect(authorized);
    const closed = new Promise((resolve) => client.on('closed', resolve));
    await ask(client, `{ server { version } } # ${'x'.repeat(2 ** 20)}`).catch(() => undefined);
    expect(await closed).toMatchObject({ code: 1009 });
  });

  it('asks for a key where one is needed, at the beginning and at each operation', async () => {
    if (host === '127.0.0.1') {
      expect(await ask(connect())).toMatchObject({ data: {} });
      expect(await upgrade({ host: 'evil.example' })).toBe(403);
      return;
    }
    for (const params of [{}, { authorization: 'Bearer nonsense' }, { authorization: `Bearer ${made.key}x` }])
      await expect(ask(connect(params as Record<string, string>))).rejects.toMatchObject({ code: 4403 });
    const client = connect({ Authorization: `bearer ${made.key}` });
    expect(await ask(client)).toMatchObject({ data: {} });
    keys = [];
    await expect(ask(client)).rejects.toMatchObject({ code: 4403 });
  });
});

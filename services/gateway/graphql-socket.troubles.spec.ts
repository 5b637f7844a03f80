import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createClient, type Client } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { Unavailable } from '#libs/domain/rejection.js';
import { createInstruments, type Instruments } from '#libs/observability/instruments.js';
import { createLogger } from '#libs/observability/logger.js';
import { Progress } from '#libs/projecting/progress.js';
import type { KeyAuth } from '../http/auth.js';
import { createGatewaySchema } from './gateway-schema.js';
import type { Gateway } from './gateway.js';
import { openGraphqlSocket } from './graphql-socket.js';

const schema = createGatewaySchema();
const version = '{ server { version } }';

/** What a socket does when something behind it fails, or its client does. */
describe('the socket in trouble', () => {
  let server: Server;
  let socket: { close(): Promise<void> } | null;
  let port: number;
  let lines: string[];
  let instruments: Instruments;
  let trouble: Error | null;
  let run: () => Promise<unknown>;
  const clients: Client[] = [];
  beforeEach(async () => {
    [lines, trouble, instruments] = [[], null, createInstruments()];
    run = () => Promise.resolve(null);
    const auth: KeyAuth = {
      required: false,
      check: () => (trouble ? Promise.reject(trouble) : Promise.resolve(null)),
    };
    const progress = new Progress();
    const backend = {
      configuration: { origins: [], roles: [] },
      families: [],
      runTable: { run: () => run() },
      progress,
      clock: Date.now,
    };
    const logger = createLogger('warn', (line) => lines.push(line), Date.now);
    const gateway = { backend, schema, auth, authRequired: false, version: '1', logger, instruments };
    server = createServer();
    socket = openGraphqlSocket(server, gateway as unknown as Gateway);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.dispose();
    await socket?.close();
    await new Promise((resolve) => server.close(resolve));
  });
  const connect = (connectionParams?: Record<string, string>): Client => {
    const url = `ws://127.0.0.1:${port}/graphql`;
    const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, lazyCloseTimeout: 60_000, ...(connectionParams && { connectionParams }) }); // prettier-ignore
    clients.push(client);
    return client;
  };
  const ask = async (client: Client, query = version, variables?: Record<string, unknown>) =>
    (await client.iterate({ query, ...(variables && { variables }) }).next()).value as Record<string, unknown>;
  /** What an upgrade that is refused is answered. */
  const refusal = (path = '/graphql') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const opened = new WebSocket(`ws://127.0.0.1:${port}${path}`, 'graphql-transport-ws');
      opened.on('error', reject);
      opened.on('unexpected-response', (_, response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      });
    });
  const viewers = async () => (await instruments.subscribers.get()).values.map(({ labels, value }) => [labels.kind, value]); // prettier-ignore

  it('serves who says nothing of itself, and counts those who look', async () => {
    const client = connect();
    expect(await ask(client)).toEqual({ data: { server: { version: '1' } } });
    expect(await viewers()).toEqual([['socket', 1]]);
    await client.dispose();
    await expect.poll(viewers).toEqual([['socket', 0]]);
  });

  it('says to an upgrade what is wrong, and of its own faults only that there is one', async () => {
    trouble = new Unavailable('the store is away', 1_000);
    expect(await refusal()).toEqual({
      status: 503,
      body: JSON.stringify({ error: { code: 'UNAVAILABLE', message: 'the store is away' } }),
    });
    expect(lines).toEqual([]);
    trouble = new TypeError('we are wrong');
    expect(await refusal()).toEqual({
      status: 500,
      body: JSON.stringify({ error: { code: 'INTERNAL', message: 'internal error' } }),
    });
    expect(lines).toEqual([expect.stringMatching(/upgrade failed.*we are wrong/)]);
    const { body } = await refusal(`/${'x'.repeat(5_000)}?${'y'.repeat(100)}`);
    expect((JSON.parse(body) as { error: { message: string } }).error.message).toBe(`there is no socket at /${'x'.repeat(199)}`); // prettier-ignore
  });

  it('lets nobody in while keys can not be checked, and calls that no refusal', async () => {
    const client = connect();
    client.on('opened', () => (trouble = new Unavailable('the store is away', 1_000)));
    await expect(ask(client)).rejects.toMatchObject({ code: 4500 });
  });

  it('answers an operation whose key can not be checked with that, and goes on with its neighbours', async () => {
    const client = connect();
    await ask(client);
    trouble = new Unavailable('the store is away', 1_000);
    await expect(ask(client)).rejects.toEqual([
      expect.objectContaining({
        message: 'the store is away',
        extensions: { code: 'UNAVAILABLE', retryAfterMs: 1_000 },
      }),
    ]);
    trouble = null;
    expect(await ask(client)).toMatchObject({ data: {} });
  });

  it('tells the log of its own faults and the client that there is one, beside what could be answered', async () => {
    const client = connect();
    run = () => Promise.reject(new TypeError('we are wrong'));
    expect(await ask(client, `{ server { version } run(id: "r") { id } }`)).toMatchObject({
      data: { server: { version: '1' }, run: null },
      errors: [
        { message: 'internal error; the server log says more', path: ['run'], extensions: { code: 'INTERNAL' } },
      ],
    });
    expect(lines).toEqual([expect.stringMatching(/operation failed.*we are wrong/)]);
    // where nothing could be answered no data is made up
    await expect(ask(client, 'subscription { nobody }')).rejects.toEqual([
      expect.objectContaining({ extensions: { code: 'BAD_REQUEST' } }),
    ]);
  });

  it('holds an operation to its limits with the variables that it is asked with', async () => {
    const client = connect();
    const query = 'query($n: Int) { runs(first: $n) { nodes { points(key: "a", first: 1000) { step } } } }';
    await expect(ask(client, query, { n: 600 })).rejects.toEqual([
      expect.objectContaining({ message: expect.stringMatching(/costs \d+/) as string }),
    ]);
  });

  it('runs two hundred operations at once on one socket, and refuses the next by itself', async () => {
    let answer = (): void => undefined;
    const waiting = new Promise<null>((resolve) => (answer = () => resolve(null)));
    run = () => waiting;
    const client = connect();
    await ask(client);
    const running = Array.from({ length: 200 }, () => ask(client, '{ run(id: "r") { id } }'));
    await expect(ask(client)).rejects.toEqual([
      expect.objectContaining({
        message: 'at most 200 operations run on one socket',
        extensions: expect.objectContaining({ code: 'LIMIT_EXCEEDED' }) as object,
      }),
    ]);
    answer();
    for (const one of await Promise.all(running)) expect(one).toEqual({ data: { run: null } });
    expect(await ask(client)).toMatchObject({ data: {} });
  });

  it('waits for no client that does not answer when it closes', async () => {
    const silent = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
    await new Promise((resolve) => silent.on('open', resolve));
    (silent as unknown as { _socket: Socket })._socket.pause();
    await socket!.close();
    socket = null;
    expect(await viewers()).toEqual([['socket', 0]]);
    silent.terminate();
  });
});

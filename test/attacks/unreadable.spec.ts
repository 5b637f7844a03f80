import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedServer, type ServerRig } from '../rigs/embedded-rig.js';
import { openSocket } from '../rigs/client.js';
import { openRaw, sayRaw } from '../rigs/raw-socket.js';

let rig: ServerRig;
let url: string;
let host: string;
beforeAll(async () => {
  rig = await openEmbeddedServer();
  url = rig.server.url;
  host = new URL(url).host;
});
afterAll(() => rig.close());

const upgrade = (target: string, more = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n${more}\r\n`;

const alive = async (): Promise<void> => {
  expect(rig.server.output()).not.toMatch(/Error:|\n {4}at /);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
};

/** Ways to write an address that no parser of URLs takes, or each takes in its own way. */
const targets = [
  '//',
  '///',
  'http://[',
  '//[',
  'http://',
  '/%',
  '/%zz',
  '/graphql/%ff',
  '?',
  '/\\',
  '*',
  '/runs/%c0%af',
  `/${'a'.repeat(9_000)}`,
];

describe('what nobody can read', () => {
  it.each(targets)('as the address of a socket is refused: %s', async (target) => {
    expect(await sayRaw(url, upgrade(target))).toMatch(/^HTTP\/1\.1 4\d\d /);
    await alive();
  });

  it.each([
    ...targets,
    'http://elsewhere.example/v1/events',
    `//127.0.0.1/v1/events`,
    '/graphql?query=%',
    '/v1/artifacts/%',
  ])('as the address of a request is refused: %s', async (target) => {
    for (const method of ['GET', 'POST', 'OPTIONS', 'CONNECT', 'PATCH'])
      // an address of the page is answered with it, a tunnel is closed without a word
      expect(
        await sayRaw(
          url,
          `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        ),
      ).toMatch(method === 'CONNECT' ? /^($|HTTP\/1\.1 4)/ : /^HTTP\/1\.1 (4\d\d|200) /);
    await alive();
  });

  it.each(['http://[', '//', ':7171', '127.0.0.1:99999999', '[::1', ' ', '127.0.0.1, evil.example', '\u00ff'])(
    'as the name of the host is refused or taken for ours: %j',
    async (name) => {
      for (const request of [
        upgrade('/graphql'),
        `GET /graphql?query={__typename} HTTP/1.1\r\nHost: ${host}\r\napollo-require-preflight: 1\r\nConnection: close\r\n\r\n`,
      ])
        expect(await sayRaw(url, Buffer.from(request.replace(host, name), 'latin1'), 500)).toMatch(
          /^HTTP\/1\.1 (4\d\d|101|200) /,
        );
      await alive();
    },
  );

  it('is not waited for: sockets that are reset while they are refused, or say nonsense, end nobody', async () => {
    for (let i = 0; i < 40; i++) {
      for (const target of ['/nowhere', '/graphql', '//']) {
        const socket = await openRaw(url);
        socket.write(upgrade(target, i % 2 ? 'Origin: http://evil.example\r\n' : ''));
        if (i % 3 === 0) socket.write(Buffer.alloc(200_000, 255));
        socket.resetAndDestroy();
      }
    }
    for (const text of [
      '\0\0\0',
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${'y'.repeat(70_000)}\r\n\r\n`,
    ]) {
      const answer = await sayRaw(url, text);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).toContain('nosniff');
    }
    await alive();
  });

  it('as frames of a socket closes that socket, and is nothing that the server has to say', async () => {
    const nonsense = Buffer.concat([Buffer.from(upgrade('/graphql')), Buffer.alloc(1_000, 255)]);
    expect(await sayRaw(url, nonsense)).toMatch(/^HTTP\/1\.1 101 /);
    await alive();
  });

  it('as one operation of a socket is an answer to that operation; its neighbours go on', async () => {
    const client = openSocket(url);
    const neighbour = client.iterate({ query: 'subscription { runChanged { cursor } }' });
    const next = neighbour.next();
    const bad = [
      '{',
      '',
      `{ ${'a '.repeat(20_000)} }`,
      `{ ${'run(id:"x"){children'.repeat(300)}`,
      `${'{a'.repeat(4_000)}${'}'.repeat(4_000)}`,
      '{ nothing }',
      'query A { server { version } } query B { server { version } }',
      'subscription { metricFrames(run: "x", after: "no cursor") { cursor } }',
      'subscription { runChanged(after: "no cursor") { cursor } }',
      '{ run(id: "x", at: "no position") { id } }',
    ];
    for (const query of bad) {
      const answer = await client
        .iterate({ query })
        .next()
        .then(
          ({ value }) => JSON.stringify(value),
          (error: unknown) => JSON.stringify(error),
        );
      expect(answer, query.slice(0, 60)).toMatch(/"(errors|message)"/);
      expect(answer, query.slice(0, 60)).not.toMatch(/internal error|4\d\d\d/);
    }
    const { value } = await client.iterate({ query: '{ server { version } }' }).next();
    expect(value).toHaveProperty('data.server.version');
    await client.dispose();
    await next.catch(() => null);
  });
});

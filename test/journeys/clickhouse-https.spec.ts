import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openClickHouseEngine, type ClickHouseEngine } from '#libs/clickhouse/clickhouse-engine.js';
import { viewNames } from '#libs/metrics/tables/clickhouse-schema.js';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openServerRig, runCli, type ServerRig } from '../rigs/server-rig.js';

const randomHex = (): string => randomBytes(16).toString('hex');
let dir: string;
let engine: ClickHouseEngine;
let front: Server;
let server: ServerRig | null = null;
let address: string;

/** A ClickHouse of somebody's own: the real engine, a process of its own, behind TLS as a load balancer puts it. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'runstream-https-'));
  const made = [
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=clickhouse',
  ];
  const files = [
    '-keyout',
    join(dir, 'key.pem'),
    '-out',
    join(dir, 'cert.pem'),
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  ];
  execFileSync('openssl', ['req', ...made, ...files], { stdio: 'ignore' });
  engine = await openClickHouseEngine({ dir: join(dir, 'engine'), randomHex, views: viewNames });
  const [app, sql] = [engine.address('app'), engine.address('sql')];
  const tls = { key: readFileSync(join(dir, 'key.pem')), cert: readFileSync(join(dir, 'cert.pem')) };
  front = createServer(tls, (asked, answer) => {
    const { method, headers } = asked;
    const passed = request(`${app.url}${asked.url ?? '/'}`, { method: method!, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const { port } = front.address() as AddressInfo;
  const reader = `sql_user=${sql.username}&sql_password=${sql.password}`;
  address = `clickhouse://${app.username}:${app.password}@127.0.0.1:${port}/${app.database}?secure=1&${reader}`;
});
afterAll(async () => {
  await server?.close();
  front?.closeAllConnections();
  front?.close();
  await engine?.close();
  rmSync(dir, { recursive: true, force: true });
});

it('metrics live in a ClickHouse that an address names, over HTTPS, and people ask it as a user of their own', async () => {
  server = await openServerRig({ RUNSTREAM_METRICS: address, NODE_EXTRA_CA_CERTS: join(dir, 'cert.pem') });
  const { url } = server.server;
  const steps = Array.from({ length: 100 }, (_, step) => step);
  const { position } = await postEvents(url, [
    started('far', 'vision', writerOf('w', 1)),
    points('far', writerOf('w', 1), [block(['loss'], steps, (_, step) => 1 / (1 + step))]),
  ]);
  const read = 'query($at: String) { run(id: "far", at: $at) { series(keys: ["loss"], buckets: 200) { x last } } }';
  const { run } = await gql(url, read, { at: position });
  expect(run.series).toEqual([{ x: steps, last: steps.map((step) => 1 / (1 + step)) }]);
  const ask = async (sql: string): Promise<string> =>
    (await fetch(`${url}/clickhouse`, { method: 'POST', body: sql })).text();
  expect(await ask("SELECT count(), currentUser() FROM points WHERE run = 'far'")).toMatch(/^100\tsql\w*\n$/);
  expect(await ask('CREATE TABLE mine (a UInt8) ENGINE = Memory')).toMatch(/DB::Exception/);
});

it('an address that can not be used says why, and the server does not start', async () => {
  const refused = async (metrics: string): Promise<string> => {
    const environment = { RUNSTREAM_DATA: join(dir, 'refused'), RUNSTREAM_PORT: '0', RUNSTREAM_METRICS: metrics };
    const { code, output } = await runCli(['start'], { ...environment, NODE_EXTRA_CA_CERTS: join(dir, 'cert.pem') });
    expect(code, output).not.toBe(0);
    return output;
  };
  expect(await refused(`${address}&cluster=main`)).toMatch(/RUNSTREAM_METRICS: cluster: there is no "main"/);
  expect(await refused(`${address}&sqluser=x`)).toMatch(/RUNSTREAM_METRICS: "sqluser" is not known; expected secure/);
});

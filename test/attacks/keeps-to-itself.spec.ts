import { createHash } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedServer, type ServerRig } from '../rigs/embedded-rig.js';
import { block, gql, openSocket, points, postEvents, started, writerOf } from '../rigs/client.js';
import { runCli } from '../rigs/server-process.js';

let rig: ServerRig;
let url: string;
const keys: string[] = [];
const bearer = (index: number): Record<string, string> => ({ authorization: `Bearer ${keys[index]}` });
beforeAll(async () => {
  rig = await openEmbeddedServer({ RUNSTREAM_ARTIFACT_BYTES_MAX: '3000', RUNSTREAM_ARTIFACTS_BYTES_MAX: '8000' });
  const { environment } = rig;
  await rig.server.kill('SIGTERM');
  for (const name of ['a', 'b']) {
    const { output } = await runCli(['keys', 'create', name], environment);
    keys.push(/rs_[0-9a-f]{12}_\S+/.exec(output)![0]);
  }
  await rig.start({ RUNSTREAM_HOST: '0.0.0.0' });
  url = rig.server.url.replace('0.0.0.0', '127.0.0.1');
});
afterAll(() => rig.close());

const sql = async (query: string, key = 0): Promise<{ status: number; text: string; retry: string | null }> => {
  const answer = await fetch(`${url}/clickhouse`, { method: 'POST', body: query, headers: bearer(key) });
  return { status: answer.status, text: await answer.text(), retry: answer.headers.get('retry-after') };
};

describe('SQL of people', () => {
  it('that is wrong, or too much, is the caller’s to mend: 4xx', async () => {
    for (const query of [
      'SELEC',
      'SELECT nothing FROM runs',
      'SELECT * FROM nowhere',
      'SELECT throwIf(1)',
      'SELECT intDiv(1, 0)',
      "SELECT toDate('x')",
      'SELECT sleep(100)',
      'SELECT groupArray(number) FROM numbers(1000000000)',
      'DROP TABLE g1_points',
      'SELECT * FROM system.users',
    ]) {
      const { status, text } = await sql(query);
      expect(status, `${query}: ${text}`).toBeGreaterThanOrEqual(400);
      expect(status, `${query}: ${text}`).toBeLessThan(500);
    }
  });

  it('does not read the engine’s own files', async () => {
    for (const query of [
      `SELECT file('${rig.dir}/metrics/engine.log')`,
      `SELECT "file"('${rig.dir}/metrics/engine.log')`,
      `SELECT p APPLY file FROM (SELECT '${rig.dir}/metrics/engine.log' AS p)`,
    ])
      expect((await sql(query)).status, query).toBe(403);
    for (const table of ['text_log', 'query_log', 'processes', 'parts', 'disks', 'merges'])
      expect((await sql(`SELECT * FROM system.${table}`)).text, table).not.toMatch(/metrics|points/);
    expect((await sql("SELECT 'file'")).text).toBe('file\n');
  });

  it('of one caller leaves a place for the others, and is asked to come back when it is too much', async () => {
    const slow = 'SELECT count() FROM numbers(20000000000) WHERE NOT ignore(sipHash64(number))';
    const running = Array.from({ length: 24 }, () => sql(slow));
    // some are refused at once: by then the others run or wait
    const first = await Promise.race(running);
    expect(first).toMatchObject({ status: 429, retry: expect.stringMatching(/\d/) as string });
    expect(await sql('SELECT 1', 1)).toMatchObject({ status: 200, text: '1\n' });
    for (const { status, text } of await Promise.all(running)) expect([400, 429], text).toContain(status);
  });
});

describe('artifacts', () => {
  const put = async (bytes: Buffer): Promise<{ status: number; text: string }> => {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const answer = await fetch(`${url}/v1/artifacts/${digest}`, {
      method: 'PUT',
      body: bytes as never,
      headers: bearer(0),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const append = async (id: string, offset: number, size: number) =>
    fetch(`${url}/v1/artifacts/uploads/${id}`, {
      method: 'PATCH',
      headers: { ...bearer(0), 'upload-offset': String(offset) },
      body: Buffer.alloc(size, 1) as never,
    });

  it('have a limit of size and of space, which are named when they are met', async () => {
    expect((await put(Buffer.alloc(3_000, 1))).status).toBe(201);
    expect(await put(Buffer.alloc(3_001, 2))).toMatchObject({
      status: 413,
      text: expect.stringContaining('RUNSTREAM_ARTIFACT_BYTES_MAX') as string,
    });
    const id = '7f1f0d3a-0000-4000-8000-000000000001';
    expect((await append(id, 0, 2_000)).status).toBe(204);
    expect((await append(id, 2_000, 1_001)).status).toBe(413);
    // the same again takes nothing
    expect((await put(Buffer.alloc(3_000, 1))).status).toBe(201);
    expect((await put(Buffer.alloc(2_000, 3))).status).toBe(201);
    const full = await put(Buffer.alloc(2_500, 4));
    expect(full).toMatchObject({
      status: 507,
      text: expect.stringContaining('RUNSTREAM_ARTIFACTS_BYTES_MAX') as string,
    });
    expect((await put(Buffer.alloc(900, 5))).status).toBe(201);
    const mlflow = await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/x/y.html`, {
      method: 'PUT',
      headers: bearer(0),
      body: Buffer.alloc(4_000) as never,
    });
    expect([mlflow.status, await mlflow.text()]).toEqual([
      413,
      expect.stringContaining('RUNSTREAM_ARTIFACT_BYTES_MAX'),
    ]);
  });
});

it('what is written is for its owner only', async () => {
  await postEvents(url, [started('r', 'p'), points('r', writerOf('w', 1), [block(['loss'], [1], () => 1)])], bearer(0));
  const open: string[] = [];
  const look = (path: string): void => {
    const found = lstatSync(path);
    if ((found.mode & 0o077) !== 0 && !found.isSymbolicLink()) open.push(`${(found.mode & 0o777).toString(8)} ${path}`);
    if (found.isDirectory()) for (const name of readdirSync(path)) look(join(path, name));
  };
  for (const part of ['log', 'runs', 'metrics', 'artifacts']) look(join(rig.dir, part));
  expect(open).toEqual([]);
});

it('an operation beyond the limits is 400, in the words that say which', async () => {
  const ask = async (query: string) => {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { ...bearer(0), 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  const keys200 = JSON.stringify(Array.from({ length: 200 }, (_, i) => `k${i}`));
  for (const [query, words] of [
    [`{ run(id: "x") { ${'children { '.repeat(13)} id ${'}'.repeat(13)} } }`, /levels deep/],
    [`{ ${'a:__typename '.repeat(2_100)} }`, /fields/],
    [`{ ${'"'.repeat(3)}`, /./],
    [`{ ${'x'.repeat(30_000)} ( `, /./],
    [`{ run(id: "r") { series(keys: ${keys200}, buckets: 10000) { x min max } } }`, /costs/],
    [`{ ${'{a'.repeat(4_900)}`, /./],
    ['{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }', /./],
  ] as const) {
    const { status, text } = await ask(query);
    expect(status, query.slice(0, 80)).toBe(400);
    expect(text).toMatch(words);
  }
});

it('a revoked key loses its sockets, those that watch and those that ask; the others stay', async () => {
  const sockets = [0, 1].map((key) => openSocket(url, { authorization: `Bearer ${keys[key]}` }));
  const watch = (index: number) => sockets[index]!.iterate({ query: 'subscription { runChanged { cursor } }' }).next();
  const [mine, others] = [watch(1), watch(0)];
  let othersEnded = false;
  void others.finally(() => (othersEnded = true)).catch(() => null);
  await gql(url, '{ server { version } }', {}, bearer(1));
  const revoked = await fetch(`${url}/v1/admin/keys/revoke`, {
    method: 'POST',
    headers: { ...bearer(0), 'content-type': 'application/json' },
    body: JSON.stringify({ keyId: keys[1]!.split('_')[1] }),
  });
  expect(revoked.status).toBe(204);
  await expect(mine).rejects.toMatchObject({ code: 4403 });
  expect(othersEnded).toBe(false);
  const { value } = await sockets[0]!.iterate({ query: '{ server { version } }' }).next();
  expect(value).toHaveProperty('data.server.version');
  for (const socket of sockets) await socket.dispose();
});

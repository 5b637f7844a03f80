import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gql, openSocket, postEvents, started } from '../rigs/client.js';
import { mlflowInstalled, runMlflow } from '../rigs/mlflow-rig.js';
import { openServerRig, runCli, type ServerRig } from '../rigs/server-rig.js';

const anywhere = { RUNSTREAM_HOST: '0.0.0.0' };

it('a server that others can reach does not start without keys, and says how to make one', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'runstream-'));
  const { code, output } = await runCli(['start'], { ...anywhere, RUNSTREAM_DATA: dir, RUNSTREAM_PORT: '0' });
  expect(code).toBe(1);
  expect(output).toContain('runstream keys create');
  rmSync(dir, { recursive: true });
});

it('a configuration that can not be used is refused with all its problems at once', async () => {
  const { code, output } = await runCli(['start'], {
    RUNSTREAM_PORT: 'seven',
    RUNSTREAM_ROLES: 'cook',
    RUNSTREAM_LOG: 'tape:/dev/st0',
  });
  expect(code).toBe(1);
  expect(output).toMatch(/RUNSTREAM_PORT/);
  expect(output).toMatch(/RUNSTREAM_ROLES: "cook"/);
  expect(output).toMatch(/RUNSTREAM_LOG: "tape:/);
});

describe('with keys', () => {
  let rig: ServerRig;
  let url: string;
  let key: string;
  let headers: Record<string, string>;
  beforeAll(async () => {
    rig = await openServerRig();
    await rig.server.kill('SIGTERM');
    const { output } = await runCli(['keys', 'create', 'laptop'], rig.environment);
    key = /rs_[0-9a-f]{12}_\S+/.exec(output)![0];
    // what a deployment runs at each start makes no second one
    const again = await runCli(['keys', 'create', 'laptop', '--if-none'], rig.environment);
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining('There are keys already') as string });
    expect(again.output).not.toMatch(/rs_[0-9a-f]{12}_/);
    await rig.start(anywhere);
    url = rig.server.url.replace('0.0.0.0', '127.0.0.1');
    headers = { authorization: `Bearer ${key}` };
  });
  afterAll(() => rig.close());

  const doors = [
    ['POST', '/v1/events'],
    ['POST', '/graphql'],
    ['GET', '/clickhouse?query=select%201'],
    ['PUT', `/v1/artifacts/sha256:${'0'.repeat(64)}`],
    ['POST', '/v1/admin/keys'],
    ['GET', '/metrics'],
    ['POST', '/v1/traces'],
    ['GET', '/t/team/api/2.0/mlflow/experiments/get?experiment_id=0'],
    ['POST', '/wandb/graphql'],
    ['POST', '/wandb/files/runstream/p/r/file_stream'],
    ['POST', '/files/runstream/p/r/file_stream'],
  ] as const;

  it.each(doors)('%s %s asks for one, and takes no wrong one', async (method, path) => {
    for (const authorization of [
      '',
      'Bearer nonsense',
      `Bearer ${key}x`,
      `Bearer ${key.replace(/rs_[0-9a-f]{12}/, 'rs_000000000000')}`,
    ]) {
      const response = await fetch(url + path, { method, ...(authorization ? { headers: { authorization } } : {}) });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: { code: 'UNAUTHENTICATED' } });
    }
  });

  it('lets the holder in at every door and socket', async () => {
    expect((await postEvents(url, [started('keyed', 'keys')], headers)).status).toBe(200);
    expect(await gql(url, '{ server { authRequired } }', {}, headers)).toEqual({ server: { authRequired: true } });
    // ClickHouse clients send the key as a password
    const basic = `Basic ${Buffer.from(`anyone:${key}`).toString('base64')}`;
    expect(
      await (await fetch(`${url}/clickhouse?query=select%201`, { headers: { authorization: basic } })).text(),
    ).toBe('1\n');
    const socket = openSocket(url, { authorization: `Bearer ${key}` });
    const { value } = await socket.iterate({ query: '{ server { version } }' }).next();
    expect(value).toHaveProperty('data.server.version');
    await socket.dispose();
  });

  it.skipIf(!mlflowInstalled)(
    "lets MLflow's client in with its token or password (skipped where it is not installed)",
    async () => {
      const search = ['-m', 'mlflow', 'experiments', 'search'];
      expect(await runMlflow(url, search, { MLFLOW_TRACKING_TOKEN: key })).toContain('Default');
      const basic = { MLFLOW_TRACKING_USERNAME: 'anyone', MLFLOW_TRACKING_PASSWORD: key };
      expect(await runMlflow(`${url}/t/team`, search, basic)).toContain('Default');
      await expect(runMlflow(url, search, { MLFLOW_TRACKING_TOKEN: `${key}x` })).rejects.toThrow('API key');
    },
  );

  it("gives W&B's client addresses for its files that are a permission by themselves, and takes no other", async () => {
    // the form that the oldest clients ask of a key, and the newest
    expect(key).toMatch(/^\w{40}$/);
    const basic = { authorization: `Basic ${Buffer.from(`api:${key}`).toString('base64')}` };
    const ask = async (query: string): Promise<any> => {
      const response = await fetch(`${url}/wandb/graphql`, {
        method: 'POST',
        headers: basic,
        body: JSON.stringify({ query, operationName: '' }),
      });
      return ((await response.json()) as { data: unknown }).data;
    };
    expect(await ask('{ viewer { entity } }')).toEqual({ viewer: { entity: 'runstream' } });
    const run = 'projectName: "keyed", runName: "k"';
    await ask('mutation { upsertBucket(input: {modelName: "keyed", name: "k"}) { inserted } }');
    const made = await ask(`mutation { createRunFiles(input: {${run}, files: ["a.txt"]}) { files { uploadUrl } } }`);
    const { uploadUrl } = made.createRunFiles.files[0] as { uploadUrl: string };
    expect((await fetch(uploadUrl, { method: 'PUT', body: 'bytes' })).status).toBe(200);
    const file = '{ project(name: "keyed") { run(name: "k") { files { edges { node { name directUrl } } } } } }';
    const [{ node }] = (await ask(file)).project.run.files.edges;
    expect(node.name).toBe('a.txt');
    expect(await (await fetch(node.directUrl)).text()).toBe('bytes');
    const [, text, signature] = /storage\/([^/]+)\/([^/]+)/.exec(uploadUrl)!;
    const other = Buffer.from(Buffer.from(text!, 'base64url').toString().replace('a.txt', 'b.txt')).toString(
      'base64url',
    );
    for (const forged of [uploadUrl.replace(text!, other), uploadUrl.replace(signature!, 'open'), node.directUrl])
      expect((await fetch(forged, { method: 'PUT', body: 'x' })).status, forged).toBe(403);
  });

  it('refuses a socket without one', async () => {
    const socket = openSocket(url);
    await expect(socket.iterate({ query: '{ server { version } }' }).next()).rejects.toMatchObject({ code: 4403 });
  });

  it('shows the page and its health to everybody', async () => {
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('stores only a hash of it', async () => {
    const { execFileSync } = await import('node:child_process');
    const secret = key.split('_')[2]!;
    expect(() => execFileSync('grep', ['-r', '--binary-files=text', '-l', secret, rig.dir])).toThrow();
  });

  it('locks the holder out when it is revoked', async () => {
    const keyId = key.split('_')[1]!;
    const response = await fetch(`${url}/v1/admin/keys/revoke`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ keyId }),
    });
    expect(response.status).toBe(204);
    await expect.poll(async () => (await fetch(`${url}/metrics`, { headers })).status).toBe(401);
  });
});

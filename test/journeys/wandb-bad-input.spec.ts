import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let door: string;

const post = async (path: string, body: unknown): Promise<{ status: number; json: any }> => {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(`${door}${path}`, { method: 'POST', body: sent });
  return { status: response.status, json: await response.json() };
};
const graphql = (query: string, variables: object = {}) => post('/graphql', { query, variables, operationName: '' });
const upsert = (input: object) =>
  graphql('mutation M($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id name } inserted } }', {
    input: { modelName: 'bad', ...input },
  });
const stream = (run: string, body: unknown) => post(`/files/runstream/bad/${run}/file_stream`, body);
const history = (offset: unknown, ...content: unknown[]) => ({ files: { 'wandb-history.jsonl': { offset, content } } });
const rows = async (run: string): Promise<Record<string, unknown>[]> => {
  const query = `query Q($run: String!) { project(name: "bad") { run(name: $run) { history(samples: 1000) } } }`;
  const { json } = await graphql(query, { run });
  return json.data.project.run.history.map((row: string) =>
    JSON.parse(row.replaceAll(/(?<=":)(-?Infinity|NaN)/g, '"$1"')),
  );
};
const losses = async (run: string) => (await rows(run)).map(({ _step, loss }) => [_step, loss]);

beforeAll(async () => {
  rig = await openServerRig();
  door = `${rig.server.url}/wandb`;
});
afterAll(() => rig.close());

describe('lines that no W&B client sends', () => {
  it('may come again, overlap, jump ahead and go back: a step has the value that was said last', async () => {
    await upsert({ name: 'jumps' });
    const line = (step: number, loss: number) => JSON.stringify({ _step: step, loss });
    const first = history(0, line(0, 1), line(1, 2));
    for (const body of [
      first,
      first,
      history(1, line(1, 2), line(2, 3)),
      history(1_000, line(9, 9)),
      history(0, line(0, 7)),
    ])
      expect(await stream('jumps', body)).toEqual({ status: 200, json: { exitcode: null, limits: {} } });
    expect(await losses('jumps')).toEqual([
      [0, 7],
      [1, 2],
      [2, 3],
      [9, 9],
    ]);
  });

  it('are refused one by one where they are no JSON objects, and those beside them are kept', async () => {
    await upsert({ name: 'half' });
    const lines = [
      '{"_step":0,"loss":1}',
      '{"_step":1,"lo',
      '[]',
      '{"_step":2,"loss":NaN,"up":-Infinity,"text":"NaN"}',
    ];
    const { status, json } = await stream('half', history(5, ...lines));
    expect([status, json.refused]).toEqual([
      200,
      [{ file: 'wandb-history.jsonl', lines: [6, 7], message: 'is not a JSON object' }],
    ]);
    expect(await rows('half')).toMatchObject([
      { _step: 0, loss: 1 },
      { _step: 2, loss: 'NaN', up: '-Infinity', text: 'NaN' },
    ]);
  });

  it('may be of 10 MB, of a thousand keys, of keys that nobody can print', async () => {
    await upsert({ name: 'large' });
    const long = await stream('large', history(0, JSON.stringify({ _step: 0, loss: 1, text: 'x'.repeat(10_000_000) })));
    expect([long.status, long.json.refused[0].message]).toEqual([200, 'text is too large or too deep']);
    const wide = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, i]));
    const odd = { ['n\u0000ul']: 1, '': 2, ['y'.repeat(2_000)]: 3, ['\ud800']: 4 };
    expect((await stream('large', history(1, JSON.stringify({ _step: 1, ...wide, ...odd })))).status).toBe(200);
    const [first, second] = await rows('large');
    expect([first!['loss'], second!['k999'], Object.keys(second!).length]).toEqual([1, 999, 1_005]);
  });

  it('are told what is wrong with a body, and the stream goes on', async () => {
    await upsert({ name: 'types' });
    const wrong: [unknown, RegExp][] = [
      ['{"files": ', /not JSON/],
      [[], /body: must be a JSON object/],
      [{ files: 3 }, /files: must be an object/],
      [{ files: { 'wandb-history.jsonl': [] } }, /files.wandb-history.jsonl: must be/],
      [history(-1, '{}'), /offset: must be a whole number/],
      [history('0', '{}'), /offset: must be a whole number/],
      [history(0, 5), /content: must be a list of texts/],
      [{ exitcode: 'no' }, /exitcode: must be a whole number/],
    ];
    for (const [body, message] of wrong) {
      const { status, json } = await stream('types', body);
      expect([status, json.error.code, json.error.message]).toEqual([
        400,
        'INVALID_ARGUMENT',
        expect.stringMatching(message),
      ]);
    }
    expect(
      (await stream('types', { files: { '../../etc/passwd': { offset: 0, content: ['x'] } } })).json.refused,
    ).toHaveLength(1);
    expect((await stream('types', history(0, '{"_step":0,"loss":4}'))).status).toBe(200);
    expect(await losses('types')).toEqual([[0, 4]]);
    expect((await stream('nobody', history(0, '{}'))).status).toBe(404);
  });
});

it('a run whose scheduler takes it away has not failed, until it starts again', async () => {
  const state = async () =>
    (await graphql('{ project(name: "bad") { run(name: "taken") { state } } }')).json.data.project.run.state;
  await upsert({ name: 'taken', host: 'a' });
  for (const [body, expected] of [
    [history(0, '{"_step":0,"loss":1}'), 'running'],
    [{ preempting: true }, 'preempting'],
    [{ preempting: true, complete: true, exitcode: 1 }, 'preempted'],
  ] as const) {
    expect((await stream('taken', body)).status).toBe(200);
    expect(await state()).toBe(expected);
  }
  await upsert({ name: 'taken', host: 'b' });
  expect(await state()).toBe('running');
});

it('names and files that lead elsewhere are refused with a word', async () => {
  await upsert({ name: 'names' });
  const refused = async (asked: Promise<{ status: number; json: any }>): Promise<string> => {
    const { status, json } = await asked;
    expect(status).toBe(200);
    return json.errors[0].message;
  };
  expect(await refused(upsert({ name: '../x' }))).toContain('invalid run id');
  expect(await refused(upsert({ name: 'a', modelName: 'a/b' }))).toContain('invalid project name');
  expect(await refused(upsert({ name: 'a', entityName: 'Not an entity!' }))).toContain('not the name of a tenant');
  expect(await refused(upsert({ name: 'a', config: '[1]' }))).toContain('config: is not a JSON object');
  expect(await refused(upsert({ id: 'bad.nothing' }))).toContain('there is no run');
  const files =
    'mutation F($files: [String!]!) { createRunFiles(input: {projectName: "bad", runName: "names", files: $files}) { files { uploadUrl } } }';
  for (const name of ['../up', '/etc/passwd', 'a//b', 'a\\b', 'a/../b', ''])
    expect(await refused(graphql(files, { files: [name] })), name).toContain('is not a path below the run');
  for (const path of ['x/open/y', '..%2f..%2fetc%2fpasswd', ''])
    expect((await fetch(`${door}/storage/${path}`, { method: 'PUT', body: 'x' })).status, path).toBe(403);
});

it('what a newer client asks for is left out and counted, and what this server does not have is refused', async () => {
  const asked =
    'query Q($a: NewInput) { viewer { entity brandNew(x: $a) { deep } } serverInfo { features { name } other } }';
  const { json } = await graphql(asked, { a: { b: 1 } });
  expect([json.errors, json.data.viewer]).toEqual([undefined, { entity: 'runstream' }]);
  const { json: upserted } = await upsert({ name: 'newer', brandNewInput: { x: 1 } });
  expect(upserted.data.upsertBucket).toMatchObject({ bucket: { id: 'bad.newer', name: 'newer' }, inserted: true });
  const metrics = await (await fetch(`${rig.server.url}/metrics`)).text();
  for (const what of ['User.brandNew', 'ServerInfo.other', 'UpsertBucketInput.brandNewInput'])
    expect(metrics).toContain(`runstream_wandb_unknown_total{what="${what}"} 1`);
  const launched = await graphql('mutation { launchEverything(input: {}) { ok } }');
  expect(launched.json.errors[0].message).toBe('launchEverything is not offered by this server');
  expect((await graphql('{ viewer { ')).json.errors).toHaveLength(1);
  expect((await post('/graphql', { query: 5 })).status).toBe(400);
  expect((await fetch(`${door}/sdk/otel/v1/metrics`, { method: 'POST', body: '' })).status).toBe(404);
  expect((await fetch(`${rig.server.url}/sdk/otel/v1/metrics`, { method: 'POST', body: '' })).status).toBe(404);
});

describe('artifacts that no W&B client sends', () => {
  const md5 = (text: string) => createHash('md5').update(text).digest('base64');
  const hex = (text: string) => createHash('md5').update(text).digest('hex');
  const create = async (input: object = {}) => {
    const said = { projectName: 'bad', runName: 'owner', artifactTypeName: 't', artifactCollectionName: 'c', ...input };
    const { status, json } = await graphql(
      'mutation A($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state } } }',
      { input: { digest: '0'.repeat(32), ...said } },
    );
    expect(status).toBe(200);
    return json.errors ? json.errors[0].message : json.data.createArtifact.artifact;
  };
  const files = async (artifactID: string, ...specs: { name: string; md5: string }[]) => {
    const { json } = await graphql(
      'mutation F($files: [CreateArtifactFileSpecInput!]!) { createArtifactFiles(input: {artifactFiles: $files}) { files { edges { node { uploadUrl } } } } }',
      { files: specs.map((each) => ({ artifactID, ...each })) },
    );
    return json.errors
      ? json.errors[0].message
      : json.data.createArtifactFiles.files.edges.map(({ node }: any) => node.uploadUrl);
  };
  const put = async (url: string, body: string) => {
    const answer = await fetch(url, { method: 'PUT', body });
    return [answer.status, ((await answer.json()) as any).error?.message ?? ''];
  };
  const manifest = async (artifactID: string, contents: object | string, digest = '') => {
    const text = typeof contents === 'string' ? contents : JSON.stringify({ version: 1, contents });
    const { json } = await graphql(
      'mutation M($id: ID!, $digest: String!) { createArtifactManifest(input: {artifactID: $id, digest: $digest}) { artifactManifest { file { uploadUrl } } } }',
      { id: artifactID, digest },
    );
    return put(json.data.createArtifactManifest.artifactManifest.file.uploadUrl, text);
  };
  const commit = async (id: string) => {
    const { json } = await graphql(
      'mutation C($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { state versionIndex } } }',
      { id },
    );
    return json.errors ? json.errors[0].message : json.data.commitArtifact.artifact;
  };
  const digestOf = (...lines: string[]) =>
    hex(`wandb-artifact-manifest-v1\n${lines.map((line) => `${line}\n`).join('')}`);

  it('have no names that lead elsewhere, and their aliases are no numbers', async () => {
    await upsert({ name: 'owner' });
    for (const name of ['../up', 'a/b', 'a:b', '', '..', 'x'.repeat(129)])
      expect(await create({ artifactCollectionName: name }), name).toContain('invalid artifact name');
    expect(await create({ artifactTypeName: 'a/b' })).toContain('invalid artifact type');
    expect(await create({ digest: 'abc' })).toContain('digest: must be');
    expect(await create({ metadata: '[1]' })).toContain('metadata: is not a JSON object');
    expect(await create({ runName: 'nobody' })).toContain('there is no run "nobody"');
    for (const alias of ['v3', 'a/b', ''])
      expect(await create({ aliases: [{ alias, artifactCollectionName: 'c' }] }), alias).toContain('alias');
  });

  it('get their files and manifests only as they were announced, and a number only when all is there', async () => {
    const entry = { digest: md5('bytes'), size: 5 };
    const { id, state } = await create({ clientID: 'mine', digest: digestOf(`a:${entry.digest}`) });
    expect([state, (await create({ clientID: 'mine', digest: digestOf(`a:${entry.digest}`) })).id]).toEqual([
      'PENDING',
      id,
    ]);
    for (const name of ['../a', '/etc/passwd', 'a//b', 'a\\b', '', 'x'.repeat(801)])
      expect(await files(id, { name, md5: entry.digest }), name).toContain('is not a path below the artifact');
    expect(await files(id, { name: 'a', md5: 'short' })).toContain('is not an MD5');
    for (const none of ['nonsense', id.slice(4), Buffer.from(`artifact:${'0'.repeat(24)}:`).toString('base64')]) {
      expect(await files(none, { name: 'a', md5: entry.digest }), none).toContain('there is no artifact');
      expect(await commit(none), none).toContain('there is no artifact');
    }
    expect(await commit(id)).toContain('no manifest of this artifact has come');
    expect(await manifest(id, '{"version": 1')).toEqual([400, expect.stringContaining("manifest: it can't be read")]);
    expect(await manifest(id, { '../a': entry })).toEqual([400, expect.stringContaining('not a path below')]);
    expect(await manifest(id, { a: entry }, md5('other'))).toEqual([400, expect.stringContaining('send them again')]);
    expect(await manifest(id, { a: entry })).toEqual([200, '']);
    expect(await commit(id)).toContain('the bytes of "a"');
    const [url] = await files(id, { name: 'a', md5: entry.digest });
    expect(await put(url, 'wrong')).toEqual([400, expect.stringContaining('send them again')]);
    expect(await commit(id)).toContain('the bytes of "a"');
    expect(await put(url, 'bytes')).toEqual([200, '']);
    expect(await manifest(id, { a: { ...entry, size: 6 } })).toEqual([200, '']);
    expect(await commit(id)).toContain('"a" has 5 bytes, not 6');
    expect(await manifest(id, { a: entry, b: { digest: 'x', ref: 's3://b/k' } })).toEqual([200, '']);
    expect(await commit(id)).toContain('its digest is');
    expect(await manifest(id, { a: entry })).toEqual([200, '']);
    expect([await commit(id), await commit(id)]).toEqual(Array(2).fill({ state: 'COMMITTED', versionIndex: 0 }));
    // it is there already
    expect(await files(id, { name: 'elsewhere', md5: entry.digest })).toEqual([null]);
    expect(await create({ artifactTypeName: 'other' })).toContain('artifact "c" is of the type "t"');
    const part = await fetch(`${door}/artifactsV2/default/runstream/bad/c/${id}/${hex('bytes')}/a`, {
      headers: { range: 'bytes=1-2' },
    });
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 1-2/5', 'yt']);
    expect((await fetch(`${door}/artifactsV2/default/runstream/bad/c/x/${'0'.repeat(32)}/a`)).status).toBe(404);
  });

  it('are not there for questions that name none', async () => {
    const asked = `{ project(name: "bad") { none: artifact(name: "c:v7") { id } odd: artifact(name: "a:b:c") { id } type: artifactType(name: "?") { name }
      artifactCollection(name: "nothing") { id } } clientIDMapping(clientID: "nobody") { serverID } }`;
    const { json } = await graphql(asked);
    expect(json).toEqual({
      data: { project: { none: null, odd: null, type: null, artifactCollection: null }, clientIDMapping: null },
    });
    for (const lost of ['nonsense', Buffer.from('["","x"]').toString('base64')])
      expect(
        (await graphql('query C($id: ID!) { artifactCollection(id: $id) { id } }', { id: lost })).json.errors[0]
          .message,
      ).toContain('there are no artifacts');
    const linked = 'mutation { linkArtifact(input: {}) { versionIndex } }';
    expect((await graphql(linked)).json.errors[0].message).toBe('linkArtifact is not offered by this server');
  });
});

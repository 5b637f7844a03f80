import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, ApiError } from '#libs/sdk-typescript/sdk.js';
import { block, gql, openSocket, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

const sdk = fileURLToPath(new URL('../../libs/sdk-python', import.meta.url));
const steps = Array.from({ length: 300 }, (_, step) => step);
const lossOf = (step: number): number =>
  step === 7 ? Number.NaN : step === 8 ? Infinity : step === 9 ? -Infinity : 1 / (step + 1);

let rig: ServerRig;
let url: string;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'read-back-'));
  rig = await openServerRig();
  url = rig.server.url;
  const { position } = await postEvents(url, [
    started('back', 'reading', writerOf('w', 1)),
    points('back', writerOf('w', 1), [block(['loss', 'lr'], steps, (key, step) => (key === 0 ? lossOf(step) : 0.1))]),
  ]);
  await gql(url, 'query($at: String) { run(id: "back", at: $at) { id } }', { at: position });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await rig.close();
});

const query = `{ run(id: "back") { notes params { key value }
  series(keys: ["loss", "lr"], buckets: 1000) { key x min max first last count oddX oddValue }
  few: series(keys: ["loss"], buckets: 10) { key x min max first last count oddX oddValue }
  points(key: "loss", first: 5000) { step rank value time hasNextPage } } }`;

/** As docs/protocol.md lays it out. */
function readColumns(bytes: Buffer): unknown {
  const length = bytes.readUInt32LE(0);
  const [mark, answer] = JSON.parse(bytes.subarray(4, 4 + length).toString()) as [string, unknown];
  const start = Math.ceil((4 + length) / 8) * 8;
  const named = (value: number): number | string => (Number.isFinite(value) ? value : String(value));
  const fill = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    const [at, count] = (value as Record<string, [number, number]>)[mark] ?? [-1, 0];
    if (at >= 0) return Array.from({ length: count }, (_, i) => named(bytes.readDoubleLE(start + (at + i) * 8)));
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each)]));
  };
  return fill(answer);
}

/** Not in a call that holds this thread: the door to a cluster is in it. */
function play(command: string, args: readonly string[], cwd = folder) {
  const env = {
    ...process.env,
    PYTHONPATH: sdk,
    RUNSTREAM_URL: url,
    RUNSTREAM_DIR: join(folder, 'spool'),
  };
  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    execFile(command, [...args], { cwd, env }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr });
    });
  });
}

it('is the same answer as JSON, in columns and over a socket', async () => {
  const data = await gql(url, query);
  expect(data['run'].series[0].oddValue).toEqual(['NaN', 'Infinity', '-Infinity']);
  expect(data['run'].series[0].x).toEqual(steps.filter((step) => Number.isFinite(lossOf(step))));
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/vnd.runstream.columns, application/json' },
    body: JSON.stringify({ query }),
  });
  expect(response.headers.get('content-type')).toBe('application/vnd.runstream.columns');
  expect(readColumns(Buffer.from(await response.arrayBuffer()))).toEqual({ data });
  const client = openSocket(url);
  for await (const answer of client.iterate({ query })) expect(answer).toEqual({ data });
  await client.dispose();
});

it('shows charts of many runs as each of them has them, forks with what they inherited', async () => {
  const runs = ['one', 'two', 'three'];
  for (const [index, run] of runs.entries())
    await postEvents(url, [
      started(run, 'reading', writerOf('w', 1), { name: run }),
      points(run, writerOf('w', 1), [block(['loss'], steps.slice(0, 100 * (index + 1)), (_, step) => step + index)]),
    ]);
  const forked = await gql(url, 'mutation { forkRun(id: "two", step: 49) { run { id } error { message } position } }');
  const { position } = await postEvents(url, [
    points('three', writerOf('w', 2), [block(['loss'], [1_000], () => Number.NaN)]),
  ]);
  const fork = forked['forkRun'].run.id as string;
  const chart = 'id series(keys: ["loss"], buckets: 300) { key rank x min max first last count oddX }';
  const ids = [...runs, 'nobody', fork];
  const { runsById } = await gql(
    url,
    `query($ids: [ID!]!, $at: String) { runsById(ids: $ids, at: $at) { ${chart} } }`,
    {
      ids,
      at: `${position},${forked['forkRun'].position as string}`,
    },
  );
  const alone = [];
  for (const id of ids) alone.push((await gql(url, `query($id: ID!) { run(id: $id) { ${chart} } }`, { id }))['run']);
  expect(runsById).toEqual(alone);
  expect((runsById as ({ series: { x: number[] }[] } | null)[]).map((run) => run?.series[0]!.x.length)).toEqual([
    100,
    200,
    // 1,001 steps in 300 buckets are 4 each
    75,
    undefined,
    50,
  ]);
  const listed = await gql(url, `{ runs(project: "reading", orderBy: "attributes.name asc") { nodes { ${chart} } } }`);
  const byId = new Map((listed['runs'].nodes as { id: string }[]).map((run) => [run.id, run]));
  expect(ids.filter((id) => id !== 'nobody').map((id) => byId.get(id))).toEqual(alone.filter((run) => run !== null));
  const many = { ids: Array.from({ length: 201 }, (_, i) => `${i}`) };
  await expect(gql(url, 'query($ids: [ID!]!) { runsById(ids: $ids) { id } }', many)).rejects.toThrow(
    /ids: at most 200/,
  );
});

it('says in columns, too, what is wrong with a question', async () => {
  const ask = async (text: string) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/vnd.runstream.columns' },
      body: JSON.stringify({ query: text }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const binary = response.headers.get('content-type')!.startsWith('application/vnd.runstream.columns');
    return { status: response.status, body: binary ? readColumns(bytes) : (JSON.parse(bytes.toString()) as unknown) };
  };
  expect(await ask('{ run(id: "back") { series(keys: ["loss"], buckets: 0) { x } } }')).toMatchObject({
    status: 200,
    body: { errors: [{ extensions: { field: 'buckets' } }] },
  });
  expect(await ask('{ run(id: "back") { nothing } }')).toMatchObject({
    status: 400,
    body: { errors: [{ message: expect.stringContaining('nothing') as string }] },
  });
});

it('is read by the Python SDK, point by point', async () => {
  const program = `
import json, math, runstream
run = runstream.Api(${JSON.stringify(url)}).run("back")
rows = run.history()
print(json.dumps([run.keys(), [[row["step"], row["rank"], str(row["loss"]), row["lr"], row["time"] > 0] for row in rows]]))
`;
  const { stdout, stderr } = await play('python3', ['-c', program]);
  expect(stderr).toBe('');
  const [keys, rows] = JSON.parse(stdout) as [string[], [number, number, string, number, boolean][]];
  expect(keys).toEqual(['loss', 'lr']);
  const pythonNames = new Map([
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
  ]);
  expect(
    rows.map(([step, rank, loss, lr, timed]) => [
      step,
      rank,
      Number.isNaN(Number(loss)) ? loss : Number(loss),
      lr,
      timed,
    ]),
  ).toEqual(
    steps.map((step) => {
      const loss = lossOf(step);
      return [step, 0, Number.isNaN(loss) ? 'nan' : (pythonNames.get(loss) ?? loss), 0.1, true];
    }),
  );
});

it('is read by the TypeScript SDK, column by column', async () => {
  const api = new Api({ url });
  const found = [];
  for await (const run of api.runs({
    project: 'reading',
    filter: "attributes.name = 'three' or attributes.name = 'one'",
    orderBy: 'attributes.name asc',
  }))
    found.push(run.name);
  expect(found).toEqual(['one', 'three']);
  const run = await api.run('back');
  expect([run.project, run.status, run.summary['lr'], await run.keys()]).toEqual([
    'reading',
    'RUNNING',
    0.1,
    ['loss', 'lr'],
  ]);
  const { step, rank, value, time } = await run.history('loss');
  expect([[...step], [...value]]).toEqual([steps, steps.map(lossOf)]);
  expect([new Set(rank), time.every((ms) => ms > 1e12)]).toEqual([new Set([0]), true]);
  expect((await run.history('loss', { rank: 5 })).step).toHaveLength(0);
  const text = 'to be read back';
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  await fetch(`${url}/v1/artifacts/${digest}`, { method: 'PUT', body: text });
  const data = {
    name: 'notes/a.txt',
    type: 'file',
    digest,
    sizeBytes: text.length,
    mime: 'text/plain',
    metadata: {},
    step: 0,
    hasStep: false,
  };
  const { position } = await postEvents(url, [{ name: 'ArtifactLogged', subject: 'back', data }]);
  await gql(url, 'query($at: String) { run(id: "back", at: $at) { id } }', { at: position });
  const path = join(folder, 'a.txt');
  await run.download('notes/a.txt', path);
  expect(readFileSync(path, 'utf8')).toBe(text);
  await expect(run.download('none', path)).rejects.toThrow('run back has no artifact "none"');
  await expect(api.run('nobody')).rejects.toThrow(ApiError);
  await expect(api.query('{ nothing }')).rejects.toThrow(/nothing/);
  api.close();
  const away = new Api({ url: 'http://127.0.0.1:1' });
  await expect(away.run('back')).rejects.toThrow(/^no answer from the server: .*ECONNREFUSED/);
});

describe('the command line of the Python SDK', () => {
  const runstream = (...words: readonly string[]) => play('python3', ['-m', 'runstream', ...words]);
  const git = async (...words: readonly string[]) => {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main'];
    const { status, stderr } = await play('git', [...identity, ...words], join(folder, 'source'));
    expect([status, stderr]).toEqual([0, expect.anything()]);
  };

  it('makes the source of a run again as it ran, with what was changed since the commit', async () => {
    mkdirSync(join(folder, 'source'));
    const program = (rate: string) => `import runstream
with runstream.init(project="again", id="again", config={"rate": ${rate}}) as run:
    run.log({"loss": ${rate}})
`;
    writeFileSync(join(folder, 'source', 'train.py'), program('0.5'));
    await git('init', '-q');
    await git('add', '.');
    await git('commit', '-qm', 'first');
    await git('remote', 'add', 'origin', join(folder, 'source'));
    writeFileSync(join(folder, 'source', 'train.py'), program('0.25'));
    writeFileSync(join(folder, 'source', 'new.txt'), 'not known to git yet\n');
    expect((await play('python3', ['train.py'], join(folder, 'source'))).status).toBe(0);
    // it changes further, and what ran is what was
    await git('commit', '-qam', 'second');
    const said = await runstream('reproduce', 'again');
    expect(said.stdout).toMatch(/^git clone .*source run-again$/m);
    expect(said.stdout).toMatch(/^curl -fsS .*\/v1\/artifacts\/sha256:[0-9a-f]{64} \| git apply$/m);
    expect(said.stdout).toMatch(/^python3? train\.py$/m);
    expect(await runstream('reproduce', 'again', '--do', 'made', '--no-install')).toMatchObject({ status: 0 });
    const made = (name: string): string => readFileSync(join(folder, 'made', name), 'utf8');
    expect([made('train.py'), made('new.txt')]).toEqual([program('0.25'), 'not known to git yet\n']);
    expect(made('reproduce.sh')).toMatch(/^python3? train\.py$/m);
    const once = await runstream('reproduce', 'again', '--do', 'made');
    expect([once.status, once.stderr]).toEqual([1, 'runstream: made is there already\n']);
    expect(await runstream('reproduce', 'nobody')).toMatchObject({
      status: 1,
      stderr: 'runstream: there is no run nobody\n',
    });
  });

  it('draws the curves of a run', async () => {
    const { stdout, status } = await runstream('watch', 'three', '--once');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^three · reading · running · \d+ s$/m);
    expect(stdout).toMatch(/^loss +nan +step 1000 +▁[▁-█]+█$/m);
    expect((await runstream('watch', 'three', '--once', '--key', 'none')).stdout).toContain(
      'no metric has been logged yet',
    );
    expect((await runstream('watch', 'nobody')).stderr).toBe('runstream: there is no run nobody\n');
  });

  it('prints what runs differ in', async () => {
    const { stdout } = await runstream('compare', 'one', 'two');
    expect(stdout.split('\n')[0]).toMatch(/^ +one +two$/);
    expect(stdout).toMatch(/^metrics\.loss +99\.0 +200\.0$|^metrics\.loss +99 +200$/m);
    expect(stdout).not.toMatch(/^project/m);
    expect((await runstream('compare', 'one', 'nobody')).stderr).toBe('runstream: there is no run nobody\n');
  });
});

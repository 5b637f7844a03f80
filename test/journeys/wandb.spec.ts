import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gql } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';
import { openWandbRig, wandbInstalled, type WandbRig } from '../rigs/wandb-rig.js';

const steps = (count: number): number[] => Array.from({ length: count }, (_, step) => step);

describe.skipIf(!wandbInstalled)("Weights & Biases' unmodified client (skipped where it is not installed)", () => {
  let rig: ServerRig;
  let wandb: WandbRig;
  const sql = async (query: string): Promise<string> => {
    const answer = await fetch(`${rig.server.url}/clickhouse`, { method: 'POST', body: `${query} FORMAT TSV` });
    return (await answer.text()).trim();
  };
  beforeAll(async () => {
    rig = await openServerRig();
    wandb = openWandbRig(rig.server.url);
  });
  afterAll(async () => {
    wandb.close();
    await rig.close();
  });

  it('trains, and its run is one of ours: points, params, console lines, files, environment', async () => {
    const { url } = await wandb.script<{ url: string }>(['train.py', 'one', 'ends']);
    const page = await fetch(url, { redirect: 'manual' });
    expect([page.status, page.headers.get('location')]).toEqual([302, '/runs/vision.one']);
    const { run } = await gql(
      rig.server.url,
      `{ run(id: "vision.one") { name project group jobType notes labels status params { key value } summary { key last count }
        summarySet { key value } environment { command packages { key } } artifacts { name } completeness { complete } } }`,
    );
    expect(run).toMatchObject({ name: 'first', project: 'vision', group: 'g', jobType: 'train', notes: 'why' });
    expect(run).toMatchObject({ labels: ['base'], status: 'FINISHED', completeness: { complete: true } });
    const params = Object.fromEntries(run.params.map(({ key, value }: any) => [key, value]));
    expect(params).toEqual({ lr: 0.1, optimizer: { name: 'adam', betas: [0.9, 0.99] }, big: 2 ** 60, late: true });
    expect(run.summary).toContainEqual({ key: 'loss', last: 1 / 40, count: 40 });
    expect(run.summarySet).toContainEqual({ key: 'by hand', value: { x: [1, 2] } });
    expect(run.summarySet.map(({ key }: any) => key)).not.toContain('loss');
    expect(run.environment.command).toContain('train.py');
    expect(run.environment.packages.map(({ key }: any) => key)).toContain('wandb');
    expect(run.artifacts.map(({ name }: any) => name)).toContain('requirements.txt');
    // telemetry may be on its way for a second
    const lines = async (): Promise<readonly string[]> => {
      const answer = await gql(
        rig.server.url,
        `{ run(id: "vision.one") { lines(last: 10) { lines { stream text } } } }`,
      );
      return answer['run'].lines.lines.map(({ stream, text }: any) => `${stream}: ${text}`);
    };
    await expect
      .poll(lines)
      .toEqual(expect.arrayContaining(['stdout: hello from training', 'stdout: step 39 of 40', 'stderr: a warning']));
    const points = async (): Promise<readonly (readonly number[])[]> => {
      const rows = await sql(
        "SELECT step, value FROM points WHERE run = 'vision.one' AND key = 'eval.deep.er' ORDER BY step",
      );
      return rows.split('\n').map((row) => row.split('\t').map(Number));
    };
    await expect.poll(points).toEqual(steps(40).map((i) => [i, 0 - i]));
    await expect
      .poll(() => sql("SELECT groupArray(value) FROM points WHERE run = 'vision.one' AND key IN ('odd', 'up', 'down')"))
      .toMatch(/nan/);
  });

  it('keeps what is no number as what it is: tables, pages, texts, lists', async () => {
    const media = async (): Promise<readonly (readonly string[])[]> => {
      const rows = await sql("SELECT key, kind, text FROM media WHERE run = 'vision.one' ORDER BY key");
      return rows.split('\n').map((row) => row.split('\t'));
    };
    await expect.poll(media).toEqual([
      ['alerts', 'text', 'WARN: low\\nthe accuracy\\nis low'],
      ['list', 'text', '[1,{"x":2}]'],
      ['page', 'html', ''],
      ['table', 'table', '{"columns":["name","score"],"rows":[["a",1],["b",null]]}'],
      ['word', 'text', 'grüße'],
    ]);
  });

  it('reads back with wandb.Api() what it wrote, filters, and changes it', async () => {
    const said = await wandb.script<any>(['read.py', 'one', rig.dir]);
    expect(said).toMatchObject({ state: 'finished', name: 'first', group: 'g', wandb: true, clocks: true });
    expect(said.config).toMatchObject({ lr: 0.1, optimizer: { name: 'adam', betas: [0.9, 0.99] }, late: true });
    expect(said.loss).toEqual([...steps(40).map((i) => 1 / (i + 1)), null, null]);
    expect(said.rich).toEqual(['grüße', [1, { x: 2 }], 'table-file', 'html-file']);
    expect(said.acc).toEqual(steps(40));
    expect(said.odd).toBe('[nan, inf, -inf]');
    expect(said.sampled).toMatchObject({ _step: 3, loss: 0.25, 'eval.acc': 3 });
    expect(said.files).toEqual(expect.arrayContaining(['config.yaml', 'output.log', 'wandb-metadata.json']));
    expect([said.found, said.none, said.summary]).toEqual([['one'], [], [1, 2]]);
    expect(said.system).toContain('system.memory_percent');
    expect(said.after).toEqual({
      config: { a: 1 },
      tags: ['base', 'more'],
      notes: 'changed',
      added: 5,
      group: 'other group',
      job: 'eval',
    });
    const of = (values: number[]) => ({ min: Math.min(...values), max: Math.max(...values) });
    const score = steps(40).map((step) => step % 7);
    expect(said.defined).toEqual({
      score: { ...of(score), mean: score.reduce((a, b) => a + b) / 40, last: 4 },
      top: { max: 0 },
      quiet: {},
    });
  });

  it('logs artifacts, reads them in another run, changes and deletes them; the same content is the same version', async () => {
    const said = await wandb.script<any>(['artifacts.py', rig.dir]);
    expect(said).toMatchObject({
      versions: [
        ['v0', 'COMMITTED', ['base', 'latest']],
        ['v0', 'COMMITTED', ['base', 'latest']],
        ['v1', 'COMMITTED', ['best', 'latest']],
      ],
      same: true,
      latest: ['v1', 'two', 'the same'],
      old: ['why', { k: 1, deep: { x: [1, 2] } }, 'one'],
      reference: 'https://example.com/data.bin',
      table: [
        'run_table',
        [
          ['a', 1],
          ['b', null],
        ],
      ],
      draft: ['v2', ['a.txt', 'folder/c.txt', 'more.txt'], 'two'],
      together: ['part0.txt', 'part1.txt'],
      list: ['ds:v2', 'ds:v1', 'ds:v0'],
      types: ['dataset', 'run_table'],
      collections: ['ds', 'parts'],
      exists: [true, false, true],
      lineage: ['maker', ['reader']],
      'of runs': [
        ['ds:v0', 'ds:v1', 'run-maker-table:v0'],
        ['ds:v0', 'ds:v1', 'run-maker-table:v0'],
      ],
      files: [
        ['a.txt', 3],
        ['folder/c.txt', 8],
      ],
      'run files': [],
      changed: ['v0', ['prod'], 'other', 2, ['good']],
      good: ['v0'],
      refused: expect.stringContaining('the artifact has the aliases best: delete them first'),
      left: ['ds:v1', 'ds:v0'],
      'latest after': 'v1',
    });
    // the same as ours: what a run made and read, and who has to do with one content
    const { maker, reader } = await gql(
      rig.server.url,
      `{ maker: run(id: "art.maker") { artifacts { name type digest usedBy } } reader: run(id: "art.reader") { usedArtifacts { name digest } } }`,
    );
    const one = maker.artifacts.find(({ name }: any) => name === 'ds:v0/a.txt');
    expect(one).toMatchObject({ type: 'dataset', usedBy: ['art.reader'] });
    expect(maker.artifacts.map(({ name }: any) => name)).toEqual(
      expect.arrayContaining(['ds:v0', 'ds:v1/folder/c.txt', 'run-maker-table:v0/table.table.json']),
    );
    expect(reader.usedArtifacts).toContainEqual({ name: 'ds:v0/a.txt', digest: one.digest });
    const { artifact } = await gql(
      rig.server.url,
      `query A($digest: String!) { artifact(digest: $digest) { loggedBy usedBy } }`,
      { digest: one.digest },
    );
    expect(artifact).toEqual({ loggedBy: ['art.maker'], usedBy: ['art.reader'] });
    const bytes = await fetch(`${rig.server.url}/v1/artifacts/${one.digest}`);
    expect(await bytes.text()).toBe('one');
  });

  it('tells of a program that raised', async () => {
    expect((await wandb.run(['train.py', 'two', 'raises'])).code).toBe(1);
    const { run } = await gql(rig.server.url, `{ run(id: "vision.two") { status statusReason } }`);
    expect(run).toEqual({ status: 'FAILED', statusReason: 'the program ended with exit code 1' });
  });
});

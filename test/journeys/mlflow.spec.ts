import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gql } from '../rigs/client.js';
import { createMlflowRuns, mlflowInstalled, runMlflow, runScript } from '../rigs/mlflow-rig.js';
import { openServerRig, runCli, type ServerRig } from '../rigs/server-rig.js';

interface Done {
  readonly run: string;
  readonly experiment: string;
  readonly checked: number;
}
const pagedRuns = 240;

describe.skipIf(!mlflowInstalled)("MLflow's unmodified client (skipped where it is not installed)", () => {
  let rig: ServerRig;
  let url: string;
  let golden: Done;
  beforeAll(async () => {
    rig = await openServerRig();
    url = rig.server.url;
  });
  afterAll(() => rig.close());

  it('logs, reads, searches, deletes and restores in every everyday flow', async () => {
    golden = await runScript<Done>(url, ['golden.py']);
    expect(golden.checked).toBeGreaterThan(60);
  });

  it('autologs, registers, aliases, stages, loads back and predicts; keeps prompts', async () => {
    expect((await runScript<Done>(url, ['models.py'])).checked).toBeGreaterThan(35);
  });

  it('traces functions and failures, searches, tags, assesses and deletes; takes spans of any exporter', async () => {
    expect((await runScript<Done>(url, ['traces.py'])).checked).toBeGreaterThan(65);
  });

  it('keeps traces that are begun and ended, as clients before 3.0 log them', async () => {
    const ask = async (method: string, path: string, body?: unknown): Promise<any> => {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(`${url}/t/old/api/2.0/mlflow/traces${path}`, { method, ...sent });
      expect(response.status, path).toBe(200);
      return response.json();
    };
    const pairs = (key: string) => [{ key, value: 'v' }];
    const begun = { experiment_id: '0', timestamp_ms: 1_000, request_metadata: pairs('m'), tags: pairs('t') };
    const { trace_info: first } = await ask('POST', '', begun);
    const folder = `mlflow-artifacts:/0/traces/${first.request_id}/artifacts`;
    const tags = [...pairs('t'), { key: 'mlflow.artifactLocation', value: folder }];
    expect(first).toMatchObject({ ...begun, status: 'IN_PROGRESS', tags });
    expect(first).not.toHaveProperty('execution_time_ms');
    const end = { timestamp_ms: 1_250, status: 'ERROR', request_metadata: pairs('n'), tags: [] };
    const { trace_info: ended } = await ask('PATCH', `/${first.request_id}`, end);
    const metadata = [...pairs('m'), ...pairs('n')];
    expect(ended).toMatchObject({
      ...begun,
      tags,
      execution_time_ms: 250,
      status: 'ERROR',
      request_metadata: metadata,
    });
    expect((await ask('GET', `/${first.request_id}/info`)).trace_info).toEqual(ended);
    const query = new URLSearchParams({ experiment_ids: '0', filter: "status = 'ERROR'", max_results: '5' });
    expect(await ask('GET', `?${query}`)).toEqual({ traces: [ended] });
  });

  it('logs in the background, from ten threads at once, bodies twice, and in a tenant of its own', async () => {
    expect((await runScript<Done>(url, ['training.py', '1000'])).checked).toBeGreaterThan(9);
  });

  it(`pages through ${pagedRuns} runs as pandas`, async () => {
    await createMlflowRuns(url, pagedRuns);
    expect(await runScript(url, ['paging.py', String(pagedRuns)])).toEqual({ runs: pagedRuns });
  });

  it('is served by its command line', async () => {
    expect(await runMlflow(url, ['-m', 'mlflow', 'experiments', 'search'])).toContain('golden');
    await runScript(url, ['commands.py', golden.experiment, golden.run]);
  });

  it('writes runs like any others: live in GraphQL, in SQL, artifacts by digest', async () => {
    const { run } = await gql(
      url,
      `query($id: ID!) { run(id: $id) { name project status summary { key last } artifacts { name sizeBytes } params { key value } } }`,
      { id: golden.run },
    );
    expect(run).toMatchObject({ name: 'renamed', status: 'FAILED' });
    const found = await gql(url, `query($name: String!) { project(name: $name) { title } }`, { name: run.project });
    expect(found['project']).toEqual({ title: 'golden-r' });
    expect(run.summary).toContainEqual({ key: 'm', last: 2.5 });
    expect(run.artifacts.map(({ name }: { name: string }) => name)).toContain('a/b.txt');
    expect(run.params).toContainEqual({ key: 'a', value: '1' });
    const shown = () =>
      gql(
        url,
        `query($id: ID!) { run(id: $id) { media(keys: ["pic", "fig.png", "tab.json"]) { values { key kind step mime text url } } } }`,
        { id: golden.run },
      );
    await expect
      .poll(async () => (await shown())['run'].media.values)
      .toMatchObject([
        { key: 'fig.png', kind: 'figure', mime: 'image/png', url: expect.stringContaining('/v1/artifacts/sha256:') },
        { key: 'pic', kind: 'image', step: 1, mime: 'image/png' },
        { key: 'tab.json', kind: 'table', text: '{"columns":["q","p"],"rows":[["a",1],["b",2]]}' },
      ]);
    const sql = `SELECT count() FROM metrics WHERE run = '${golden.run}' AND key = 'm' FORMAT TSV`;
    const answer = await fetch(`${url}/clickhouse?query=${encodeURIComponent(sql)}`);
    expect((await answer.text()).trim()).toBe('4');
  });

  it('is told the same by tables that were rebuilt from the log', async () => {
    const before = await runScript<Record<string, unknown[]>>(url, ['dump.py', 'traces']);
    expect(before['runs']!.length).toBeGreaterThan(pagedRuns);
    expect(before['traces']).toHaveLength(4);
    expect(before['linked']).toHaveLength(1);
    const rebuilt = await runCli(['rebuild'], rig.environment);
    expect(rebuilt, rebuilt.output).toMatchObject({ code: 0 });
    const after = await runScript<Record<string, unknown[]>>(url, ['dump.py', 'traces']);
    for (const kind of Object.keys(before)) expect(after[kind], kind).toEqual(before[kind]);
  });
});

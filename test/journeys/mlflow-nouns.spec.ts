import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowserRig } from '../rigs/browser-rig.js';
import { gql } from '../rigs/client.js';
import { mlflowInstalled, runScript } from '../rigs/mlflow-rig.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

type Ids = Readonly<Record<'run' | 'later' | 'model' | 'other' | 'asked' | 'failed' | 'large', string>>;

describe.skipIf(!mlflowInstalled)("what MLflow's client wrote (skipped where it is not installed)", () => {
  let rig: ServerRig;
  let url: string;
  let dir: string;
  let ids: Ids;
  const ask = (query: string, variables: Record<string, unknown> = {}): Promise<any> => gql(url, query, variables);
  const sql = async (text: string): Promise<string[]> => {
    const answer = await fetch(`${url}/clickhouse`, { method: 'POST', body: text });
    const found = await answer.text();
    expect(answer.status, found).toBe(200);
    return found.trim() === '' ? [] : found.trim().split('\n');
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nouns-'));
    rig = await openServerRig();
    url = rig.server.url;
    ids = await runScript<Ids>(url, ['nouns.py', dir]);
  });
  afterAll(async () => {
    await rig?.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('GraphQL tells what a run read and made', async () => {
    const query = `query($id: ID!) { run(id: $id) {
      inputs { context tags { key value } dataset { name digest sourceType source schema profile } }
      modelInputs { id } modelOutputs { step modelId model { name } }
      loggedModels { id name modelType status params { key value } tags { key value } run { name }
        metrics { key value step datasetName runId } files { path sizeBytes mime url } modelVersions { name } }
    } }`;
    const { run } = await ask(query, { id: ids.run });
    expect(run.inputs).toHaveLength(1);
    expect(run.inputs[0]).toMatchObject({ context: 'training', dataset: { name: 'iris', sourceType: 'http' } });
    expect(run.inputs[0].tags).toContainEqual({ key: 'split', value: 'a' });
    expect(JSON.parse(run.inputs[0].dataset.source)).toEqual({ url: 'https://example.com/iris.csv' });
    expect(JSON.parse(run.inputs[0].dataset.profile)).toMatchObject({ num_rows: 2 });
    // the client says so where a run measures a model
    expect(run.modelInputs).toEqual([{ id: ids.model }]);
    expect(run.modelOutputs).toEqual([{ step: 2, modelId: ids.model, model: { name: 'tree' } }]);
    expect(run.loggedModels).toHaveLength(1);
    const [model] = run.loggedModels;
    expect(model).toMatchObject({
      ...{ id: ids.model, name: 'tree', modelType: 'classifier', status: 'READY', modelVersions: [] },
      ...{ params: [{ key: 'C', value: '0.1' }], run: { name: 'reads and makes' } },
      metrics: [{ key: 'acc', value: 0.75, step: 2, datasetName: 'iris', runId: ids.run }],
    });
    expect(model.tags).toContainEqual({ key: 'team', value: 'a' });
    const file = model.files.find(({ path }: { path: string }) => path === 'weights.bin');
    expect(file).toMatchObject({ sizeBytes: 5 });
    expect(await (await fetch(`${url}${file.url}`)).text()).toBe('12345');
    const { run: later } = await ask(query, { id: ids.later });
    expect(later.modelInputs).toEqual([{ id: ids.model }]);
  });

  it('GraphQL lists models and data sets of a project, page by page', async () => {
    const list = `query($filter: String, $first: Int, $after: String, $project: String) {
      loggedModels(project: $project, filter: $filter, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id } } nodes { id } } }`;
    const models = async (variables: Record<string, unknown>) => (await ask(list, variables)).loggedModels;
    const named = async (filter: string) =>
      (await models({ filter, project: 'nouns' })).nodes.map(({ id }: { id: string }) => id);
    expect(await named("metrics.acc > 0.7 and params.C = '0.1' and tags.team = 'a'")).toEqual([ids.model]);
    expect(await named('metrics.acc > 0.8')).toEqual([]);
    expect(await named("status = 'PENDING'")).toEqual([ids.other]);
    const first = await models({ first: 1 });
    expect(first).toMatchObject({ totalCount: 2, pageInfo: { hasNextPage: true }, nodes: [{ id: ids.other }] });
    expect(first.edges[0].cursor).toBe(first.pageInfo.endCursor);
    const second = await models({ first: 1, after: first.pageInfo.endCursor });
    expect(second).toMatchObject({ totalCount: 2, pageInfo: { hasNextPage: false }, nodes: [{ id: ids.model }] });
    expect(await models({ project: 'none' })).toMatchObject({ nodes: [], totalCount: 0 });
    await expect(models({ filter: 'nope = 1' })).rejects.toThrow(/Invalid attribute key 'nope'/);
    await expect(models({ after: first.pageInfo.endCursor, project: 'nouns' })).rejects.toThrow(/another query/);
    const { datasets } = await ask(`{ datasets(project: "nouns", match: "IRI") {
      totalCount nodes { name contexts runCount runs { name } schema } pageInfo { hasNextPage } } }`);
    expect(datasets).toMatchObject({ totalCount: 1, pageInfo: { hasNextPage: false } });
    expect(datasets.nodes[0]).toMatchObject({ name: 'iris', contexts: ['eval', 'training'], runCount: 2 });
    expect(datasets.nodes[0].runs.map(({ name }: { name: string }) => name)).toEqual(['evaluates', 'reads and makes']);
  });

  it('GraphQL lists traces, newest first, and shows one with its spans', async () => {
    const list = `query($run: ID, $filter: String, $first: Int, $after: String) {
      traces(project: "nouns", run: $run, filter: $filter, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } nodes { id } } }`;
    const traces = async (variables: Record<string, unknown>) => (await ask(list, variables)).traces;
    const found = async (variables: Record<string, unknown>) =>
      (await traces(variables)).nodes.map(({ id }: { id: string }) => id);
    expect(await found({})).toEqual([ids.large, ids.failed, ids.asked]);
    expect(await found({ run: ids.run })).toEqual([ids.failed, ids.asked]);
    expect(await found({ run: ids.later })).toEqual([ids.asked]);
    expect(await found({ filter: "status = 'ERROR'" })).toEqual([ids.failed]);
    expect(await found({ filter: "feedback.score > 0.4 and span.name = 'think'" })).toEqual([ids.asked]);
    await expect(traces({ filter: "what = 'x'" })).rejects.toThrow(/Invalid attribute key 'what'/);
    const first = await traces({ first: 2 });
    expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } });
    expect(await found({ first: 2, after: first.pageInfo.endCursor })).toEqual([ids.asked]);
    const one = `query($id: ID!) { trace(id: $id) { id project name status startedAt durationMs requestPreview responsePreview spanCount
      runs { id } assessments { name kind value rationale valid } tags { key }
      spans { id parentId name type status startedAt offsetMs durationMs inputs outputs attributes { key value }
        events { name attributes { key value } } } } }`;
    const { trace } = await ask(one, { id: ids.asked });
    expect(trace).toMatchObject({ id: ids.asked, project: 'nouns', name: 'ask', status: 'OK', spanCount: 2 });
    expect(trace.requestPreview).toContain('why');
    expect(trace.responsePreview).toContain('WHY');
    expect(trace.runs.map(({ id }: { id: string }) => id)).toEqual([ids.run, ids.later]);
    expect(trace.assessments).toMatchObject([
      { name: 'score', kind: 'FEEDBACK', value: 0.5, rationale: 'so so', valid: true },
      { name: 'facts', kind: 'EXPECTATION', value: { must: ['a'] } },
    ]);
    const [root, inner] = trace.spans;
    expect(root).toMatchObject({ name: 'ask', parentId: null, status: 'OK', inputs: { question: 'why' } });
    expect(root.attributes).toContainEqual({ key: 'model', value: 'small' });
    expect(root.outputs).toEqual({ answer: 'WHY' });
    expect(inner).toMatchObject({ name: 'think', type: 'LLM', parentId: root.id, outputs: ['a', 1] });
    expect(root.offsetMs).toBe(0);
    expect(inner.offsetMs).toBeGreaterThan(0);
    expect(Number(inner.offsetMs) + Number(inner.durationMs)).toBeLessThan(root.durationMs);
    const failed = (await ask(one, { id: ids.failed })).trace;
    expect(failed).toMatchObject({ status: 'ERROR', spans: [{ status: 'ERROR', events: [{ name: 'exception' }] }] });
    const { attributes } = failed.spans[0].events[0];
    expect(attributes).toContainEqual({ key: 'exception.message', value: 'no such thing' });
    const large = (await ask(one, { id: ids.large })).trace;
    expect(large.spans[0].inputs.question).toHaveLength(300_000);
    const paged = await ask('query($id: ID!) { trace(id: $id) { spans(first: 1, skip: 1) { name } } }', {
      id: ids.asked,
    });
    expect(paged.trace.spans).toEqual([{ name: 'think' }]);
    expect((await ask(one, { id: 'tr-none' })).trace).toBeNull();
    const { run } = await ask('query($id: ID!) { run(id: $id) { traces(first: 1) { totalCount nodes { id } } } }', {
      id: ids.run,
    });
    expect(run.traces).toEqual({ totalCount: 2, nodes: [{ id: ids.failed }] });
  });

  it('SQL has views of them', async () => {
    expect(await sql('SELECT name, context, run FROM datasets ORDER BY context')).toEqual([
      `iris\teval\t${ids.later}`,
      `iris\ttraining\t${ids.run}`,
    ]);
    const io = await sql("SELECT run, step FROM model_io WHERE direction = 'output'");
    expect(io).toEqual([`${ids.run}\t2`]);
    const read = await sql("SELECT run FROM model_io WHERE direction = 'input' AND project = 'nouns'");
    expect(new Set(read)).toEqual(new Set([ids.run, ids.later]));
    expect(await sql("SELECT model, status, params['C'] FROM logged_models WHERE name = 'tree'")).toEqual([
      `${ids.model}\tREADY\t0.1`,
    ]);
    expect(await sql('SELECT model, key, value, dataset FROM model_metrics')).toEqual([
      `${ids.model}\tacc\t0.75\tiris`,
    ]);
    expect(await sql("SELECT trace FROM traces WHERE status = 'ERROR' AND project = 'nouns'")).toEqual([ids.failed]);
    expect(
      await sql(
        `SELECT trace, name, type FROM spans WHERE trace IN ('${ids.asked}', '${ids.large}') ORDER BY trace = '${ids.large}', name`,
      ),
    ).toEqual([ids.asked, ids.large].flatMap((id) => [`${id}\task\tUNKNOWN`, `${id}\tthink\tLLM`]));
    expect(await sql(`SELECT toFloat64(params['C']) FROM runs WHERE run = '${ids.run}'`)).toEqual(['0.1']);
  });

  it('the page shows what a run read and made, its traces, and one of them span by span', async () => {
    const browser = await openBrowserRig();
    try {
      const { page } = browser;
      await page.goto(`${url}/runs/${ids.run}/inputs`);
      const dataset = page.getByTestId('datasets');
      await dataset.getByText('iris').first().waitFor();
      await dataset.getByText('Profile').click();
      await dataset.getByText('"num_rows": 2').waitFor();
      const model = page.getByTestId('models-logged').getByRole('row').nth(1);
      expect(await model.textContent()).toMatch(/tree.*classifier.*ready.*C = 0\.1.*acc 0\.75 on iris.*weights\.bin/s);
      await browser.picture('page-inputs');
      await page.getByTestId('tab-traces').click();
      await page.getByTestId(`trace-row-${ids.failed}`).getByText('Error').waitFor();
      expect(await page.getByTestId('traces').getByRole('row').count()).toBe(3);
      await browser.picture('page-traces');
      await page.getByTestId(`trace-row-${ids.asked}`).getByRole('link', { name: 'ask' }).click();
      await page.getByTestId('span-inputs').getByText('"question": "why"').waitFor();
      await page.getByTestId('waterfall').getByText('think').click();
      await page.getByTestId('span-inputs').getByText('"q": "why"').waitFor();
      expect(await page.getByTestId('assessments').textContent()).toMatch(/score 0\.5.*so so/s);
      await page.getByRole('button', { name: 'Use the dark theme' }).click();
      await browser.picture('page-trace-dark');
      await page.getByRole('link', { name: 'Traces' }).click();
      await page.getByTestId('filter').fill("status = 'ERROR'");
      await page.getByTestId(`trace-row-${ids.asked}`).waitFor({ state: 'detached' });
      await page.getByTestId(`trace-row-${ids.failed}`).getByRole('link').click();
      await page.getByTestId('exception').getByText('no such thing').waitFor();
      await browser.picture('page-trace-failed-dark');
      await page.goto(`${url}/projects/nouns/models`);
      await page.getByTestId('logged-models').getByText('tree').waitFor();
      await page.goto(`${url}/projects/none/traces`);
      await page.getByText('No traces.').waitFor();
      await browser.picture('page-traces-empty-dark');
      expect(browser.problems).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it('a tenant has traces and models of its own, whatever ids its clients choose', async () => {
    const post = async (world: string, path: string, body: unknown): Promise<any> => {
      const address = `${url}${world}/api/${path}`;
      const answer = await fetch(address, { method: 'POST', body: JSON.stringify(body) });
      expect(answer.status, address).toBe(200);
      return answer.json();
    };
    const location = { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: '0' } };
    for (const [world, name] of [
      ['', 'ours'],
      ['/t/team', 'theirs'],
      ['/t/other', 'others'],
    ] as const) {
      const info = { trace_id: 'tr-copied', trace_location: location, state: 'OK', tags: { 'mlflow.traceName': name } };
      const said = await post(world, '3.0/mlflow/traces', { trace: { trace_info: info } });
      expect(said.trace.trace_info).toMatchObject({ trace_id: 'tr-copied', tags: { 'mlflow.traceName': name } });
    }
    const linked = { trace_id: 'tr-copied', prompt_versions: [{ name: 'p', version: '1' }] };
    await post('/t/team', '2.0/mlflow/traces/link-prompts', linked);
    const one = 'query($world: String) { trace(id: "tr-copied", world: $world) { id name project tags { key } } }';
    const trace = async (world: string) => (await ask(one, { world })).trace;
    expect(await trace('')).toMatchObject({ id: 'tr-copied', name: 'ours', project: 'Default' });
    expect(await trace('team')).toMatchObject({ id: 'tr-copied', name: 'theirs', project: 'team:Default' });
    const tagged = async (world: string) => JSON.stringify((await trace(world)).tags).includes('linkedPrompts');
    expect(await Promise.all(['', 'team', 'other'].map(tagged))).toEqual([false, true, false]);
    const filter = { locations: [location], filter: "trace_id = 'tr-copied'" };
    const found = await post('/t/other', '3.0/mlflow/traces/search', filter);
    expect(found.traces).toMatchObject([{ trace_id: 'tr-copied', tags: { 'mlflow.traceName': 'others' } }]);
    const { traces } = await ask('{ traces(project: "team:Default") { nodes { id project } totalCount } }');
    expect(traces).toEqual({ nodes: [{ id: 'tr-copied', project: 'team:Default' }], totalCount: 1 });
    expect(await sql("SELECT project, name FROM traces WHERE trace = 'tr-copied' ORDER BY project")).toEqual([
      'Default\tours',
      'other:Default\tothers',
      'team:Default\ttheirs',
    ]);
    const git = ['commit', 'branch', 'repoURL'].map((name) => ({ key: `mlflow.source.git.${name}`, value: name }));
    const tags = [...git, { key: 'mlflow.source.name', value: 'train.py' }];
    const made = await post('/t/team', '2.0/mlflow/runs/create', { experiment_id: '0', tags });
    const { run_id } = made.run.info;
    const dataset = { name: 'wide', digest: 'd', source_type: 's', source: '{}', profile: 'ü'.repeat(3_000_000) };
    await post('/t/team', '2.0/mlflow/runs/log-inputs', {
      run_id,
      datasets: [{ dataset }, { dataset: { ...dataset, digest: 'e', profile: 'p' } }],
    });
    const { run_info } = await post('/t/team', '2.0/mlflow/runs/update', { run_id, end_time: 5_000 });
    expect(run_info).toMatchObject({ status: 'RUNNING', end_time: 5_000 });
    const query = `query($id: ID!) { run(id: $id) { inputs { tags { key } dataset { digest profile } }
      environment { gitCommit gitBranch gitRemote command } } }`;
    const { run } = await ask(query, { id: run_id });
    const profiles = run.inputs.map(({ dataset: { profile } }: { dataset: { profile: string } }) => profile.length);
    expect(profiles).toEqual([3_000_000, 1]);
    expect(run.inputs[0].tags).toEqual([]);
    const environment = { gitCommit: 'commit', gitBranch: 'branch', gitRemote: 'repoURL', command: 'train.py' };
    expect(run.environment).toEqual(environment);
    const created = await post('/t/team', '2.0/mlflow/logged-models', { experiment_id: '0', name: 'theirs' });
    const { loggedModels } = await ask('{ loggedModels(project: "team:Default") { nodes { id project } } }');
    expect(loggedModels.nodes).toEqual([{ id: created.model.info.model_id, project: 'team:Default' }]);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { runSageMaker, sagemakerInstalled, type AwsPair } from '../rigs/sagemaker-rig.js';
import { badInputs } from './sagemaker/bad-input.js';
import { useJavaScript } from './sagemaker/javascript.js';
import { putSignedChunks } from './sagemaker/signed-chunks.js';
import { openServerRig, runCli, type ServerRig } from '../rigs/server-rig.js';

interface Done {
  readonly checked: number;
  readonly component: string;
}
const secretKey = Buffer.alloc(32, 7).toString('base64');

/** Files below a folder in whose bytes one of these texts is. */
function filesWith(folder: string, texts: readonly string[]): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return texts.some((text) => bytes.includes(text));
    });
}

describe.skipIf(!sagemakerInstalled)("AWS's unmodified clients (skipped where they are not installed)", () => {
  let rig: ServerRig;
  let url: string;
  beforeAll(async () => {
    rig = await openServerRig({ RUNSTREAM_SECRET_KEY: secretKey });
    url = rig.server.url;
  });
  afterAll(() => rig.close());

  it('make, search, tag, move, link and delete in the order of AWS', async () => {
    expect((await runSageMaker<Done>(url, 'nouns.py')).checked).toBeGreaterThan(45);
  });

  it('track a Run from its parameters to the table of its experiment; it is a run like any other', async () => {
    const { checked, component } = await runSageMaker<Done>(url, 'runs.py');
    expect(checked).toBeGreaterThan(20);
    const { run } = await gql(
      url,
      `query($id: ID!) { run(id: $id) { name group status params { key value } tags { key } summary { key last } } }`,
      { id: component },
    );
    expect(run).toMatchObject({ name: component, group: 'Default-Run-Group-digits', status: 'FINISHED' });
    expect(run.params).toContainEqual({ key: 'lr', value: 0.2 });
    expect(run.summary).toContainEqual({ key: 'loss', last: 5 });
    expect(run.tags).toEqual([{ key: 'sagemaker:trial-component-source' }]);
    const filter = "params.lr = 0.2 and metrics.loss > 4 and attributes.group like 'Default%'";
    const found = await gql(
      url,
      `query($filter: String) { runs(project: "digits", filter: $filter) { nodes { id } } }`,
      { filter },
    );
    expect(found['runs'].nodes).toEqual([{ id: component }]);
    const sql = `SELECT project, count() FROM points WHERE run = '${component}' AND key = 'loss' GROUP BY project FORMAT TSV`;
    const count = async (): Promise<string> =>
      (await (await fetch(`${url}/clickhouse?query=${encodeURIComponent(sql)}`)).text()).trim();
    // telemetry may be on its way for a second
    await expect.poll(count).toBe('digits\t1001');
  });

  it('see what other clients wrote as faithfully as the API can', async () => {
    const ask = async (target: string, body: object): Promise<any> => {
      const headers = { 'x-amz-target': `SageMaker.${target}`, 'content-type': 'application/x-amz-json-1.1' };
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
    };
    const params = [
      { key: 'lr', json: '0.5' },
      { key: 'deep', json: JSON.stringify({ layers: [1, 2] }) },
      { key: 'long', json: JSON.stringify('x'.repeat(3_000)) },
    ];
    const writer = writerOf('w', 1);
    const { position } = await postEvents(url, [
      started('Other_run.1', 'größe/1', writer, { name: 'mine', params, tags: { team: 'a' } }),
      points('Other_run.1', writerOf('w', 1), [block(['loss'], [1, 2], (_, step) => step)]),
    ]);
    await gql(url, 'query($at: String) { run(id: "Other_run.1", at: $at) { id } }', { at: position });
    const { TrialComponentSummaries: listed } = await ask('ListTrialComponents', { ExperimentName: 'gro-e-1' });
    expect(listed).toMatchObject([{ TrialComponentName: 'Other-run-1', DisplayName: 'mine' }]);
    const told = await ask('DescribeTrialComponent', { TrialComponentName: 'other-run-1' });
    expect(told).toMatchObject({ Status: { PrimaryStatus: 'InProgress' }, Metrics: [{ Count: 2, Last: 2, Avg: 1.5 }] });
    expect(told.Parameters).toEqual({
      lr: { NumberValue: 0.5 },
      deep: { StringValue: '{"layers":[1,2]}' },
      long: { StringValue: `${'x'.repeat(2_499)}…` },
    });
    const filters = [{ Name: 'Tags.team', Value: 'a' }];
    const search = { Resource: 'ExperimentTrialComponent', SearchExpression: { Filters: filters } };
    const { Results: found } = await ask('Search', search);
    expect(found).toMatchObject([{ TrialComponent: { Parents: [{ ExperimentName: 'gro-e-1' }], RunName: 'mine' } }]);
  });

  it('are refused in words of AWS, whatever they send', async () => {
    expect(await badInputs(url)).toEqual([]);
    // and it goes on
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  let made: Promise<AwsPair> | null = null;
  const pairOf = (): Promise<AwsPair> =>
    (made ??= runCli(['keys', 'create', 'sage', '--aws'], rig.environment).then(({ output }) => {
      const [, keyId = '', secret = ''] = /AWS_ACCESS_KEY_ID=(\S+)\nAWS_SECRET_ACCESS_KEY=(\S+)/.exec(output)!;
      return { keyId, secret };
    }));

  it('sign what they send, and only who holds the secret of a key is let in', async () => {
    const { keyId, secret } = await pairOf();
    expect((await runCli(['keys', 'list'], rig.environment)).output).toContain(keyId);
    // as soon as there is one, who signs is checked
    const unknown = async (): Promise<string> => {
      try {
        await runSageMaker(url, 'signed.py');
        return 'let in';
      } catch (error) {
        return (error as Error).message;
      }
    };
    await expect.poll(unknown).toContain('UnrecognizedClientException');
    await expect(runSageMaker(url, 'signed.py', { keyId, secret: `${secret}x` })).rejects.toThrow(
      'InvalidSignatureException',
    );
    expect((await runSageMaker<Done>(url, 'signed.py', { keyId, secret })).checked).toBeGreaterThan(10);
  });

  it('sign in JavaScript as well', async () => {
    await useJavaScript(url, await pairOf());
  });

  it('keep what MLflow logs through the plugin of AWS', async () => {
    const { keyId, secret } = await pairOf();
    // MLflow's plugin is signed by the same: a tenant is what an ARN names, files are objects of our own S3
    const plugin = await runSageMaker<{ checked: number; run: string; uploaded: string }>(url, 'mlflow_plugin.py', {
      keyId,
      secret,
    });
    expect(plugin.checked).toBeGreaterThan(20);
    const asked = `query($id: ID!) { run(id: $id) { project name artifacts { name sizeBytes } } }`;
    const files = [{ name: 'notes/a note +%ü.txt', sizeBytes: 10_000 }, { name: 'table.json' }];
    const runOf = async (id: string) => (await gql(url, asked, { id }))['run'];
    expect(await runOf(plugin.run)).toMatchObject({ project: 'garden:through the plugin', artifacts: files });
    expect(await runOf(plugin.uploaded)).toMatchObject({ project: 'through the plugin', artifacts: files });
    const nobody = { 'x-mlflow-sm-tracking-server-arn': 'arn:aws:sagemaker:eu-central-1:1:mlflow-tracking-server/x' };
    const refused = await fetch(`${url}/api/2.0/mlflow/experiments/get?experiment_id=0`, { headers: nobody });
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(Object.keys(nobody)[0]!)]);
  });

  it('keep files in our own S3, signed by the same', async () => {
    const { keyId, secret } = await pairOf();
    const stored = await runSageMaker<Done>(url, 'files.py', { keyId, secret });
    expect(stored.checked).toBeGreaterThan(15);
    const { run } = await gql(url, `query($id: ID!) { run(id: $id) { artifacts { name sizeBytes mime } } }`, {
      id: stored.component,
    });
    expect(run.artifacts).toContainEqual({ name: 'notes.txt', sizeBytes: 5_000, mime: 'text/plain' });
    const media = async () =>
      (
        await gql(url, `query($id: ID!) { run(id: $id) { media { values { key kind text facts } } } }`, {
          id: stored.component,
        })
      )['run'].media.values;
    // telemetry may be on its way for a second
    await expect.poll(media).toMatchObject([
      { key: 'confusion', kind: 'confusion_matrix', text: '{"labels":["0","1"],"matrix":[[2,0],[1,1]]}' },
      { key: 'pr', kind: 'curve', facts: { average_precision: '1' } },
      { key: 'roc', kind: 'curve', facts: { auc: '1' } },
    ]);
    await putSignedChunks(url, { keyId, secret });
    expect(rig.server.output()).not.toContain(secret);
    // nor is it in any file, as it is or as it is written in JSON and base64
    const shapes = [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')];
    expect(filesWith(rig.dir, shapes)).toEqual([]);
    expect((await runCli(['keys', 'revoke', keyId], rig.environment)).code).toBe(0);
  });
});

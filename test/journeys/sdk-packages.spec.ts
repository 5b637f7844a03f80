import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gql } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

const run = promisify(execFile);
/** Where nobody answers: nothing may be fetched but from the server. */
const nowhere = 'http://127.0.0.1:9/';

let rig: ServerRig;
let url: string;
let dir: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
  dir = mkdtempSync(join(tmpdir(), 'runstream-sdk-'));
});
afterAll(async () => {
  await rig.close();
  rmSync(dir, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env['PATH'],
  HOME: dir,
  RUNSTREAM_URL: url,
  npm_config_registry: nowhere,
  PIP_INDEX_URL: nowhere,
});
const lossOf = async (id: string): Promise<unknown> =>
  (await gql(url, 'query($id: ID!) { run(id: $id) { metric(key: "loss") { last } } }', { id }))['run']?.metric?.last;

it('pip installs the Python SDK from the server alone, by its address and by the name of its wheel', async () => {
  const env = environment();
  const bin = join(dir, 'venv/bin');
  await run('python3', ['-m', 'venv', join(dir, 'venv')], { env });
  for (const address of [`${url}/sdk/python/`, `${url}/sdk/runstream-0.1.0-py3-none-any.whl`]) {
    await run(join(bin, 'pip'), ['install', '--disable-pip-version-check', '--force-reinstall', address], { env });
    const program = "import runstream; r = runstream.init(project='p'); r.log({'loss': 0.5}); r.finish(); print(r.id)";
    const { stdout } = await run(join(bin, 'python'), ['-c', program], { env, cwd: dir });
    await expect.poll(() => lossOf(stdout.trim().split('\n').at(-1)!)).toBe(0.5);
  }
  const { stdout } = await run(join(bin, 'runstream'), ['--help'], { env });
  expect(stdout).toContain('sync');
  const { stdout: shown } = await run(join(bin, 'pip'), ['show', '-f', 'runstream'], { env });
  expect(shown).toMatch(/Version: 0\.1\.0[\s\S]*runstream\/py\.typed/);
});

it('npm installs the TypeScript SDK from the server alone', async () => {
  const env = environment();
  writeFileSync(join(dir, 'package.json'), '{"name":"mine","private":true}');
  await run('npm', ['install', '--no-audit', '--no-fund', `${url}/sdk/typescript`], { cwd: dir, env });
  const program = `import { init } from '@runstream/sdk';
    const run = init({ project: 'p' }); run.log({ loss: 0.25 }); await run.finish(); console.log(run.id);`;
  writeFileSync(join(dir, 'train.mjs'), program);
  const { stdout } = await run(process.execPath, ['train.mjs'], { cwd: dir, env });
  await expect.poll(() => lossOf(stdout.trim().split('\n').at(-1)!)).toBe(0.25);
});

const measured = `query($id: ID!) { run(id: $id) {
  metricKeys attempts { toStep } ranks { lastStep } completeness { complete batchesMissing }
  byStep: series(keys: ["system/memory_used_bytes"]) { rank x last }
  byTime: series(keys: ["system/process/memory_rss_bytes"], x: TIME) { rank x last }
} }`;

it('what both SDKs measure of the machine is in the run, beside its training', async () => {
  const pace = { ...environment(), RUNSTREAM_SYSTEM_INTERVAL_S: '1' };
  const python = `import runstream; r = runstream.init(project='p', id='by-python'); r.log({'loss': 0.5}, step=7); input(); r.finish()`;
  const typescript = `import { init } from '@runstream/sdk'; const run = init({ project: 'p', id: 'by-typescript' }); run.log({ loss: 0.5 }, 7);
    await new Promise((done) => process.stdin.once('data', done)); await run.finish(); process.exit();`;
  writeFileSync(join(dir, 'measured.mjs'), typescript);
  const programs = {
    'by-python': run(join(dir, 'venv/bin/python'), ['-c', python], { env: pace, cwd: dir }),
    'by-typescript': run(process.execPath, ['measured.mjs'], { env: pace, cwd: dir }),
  };
  for (const [id, program] of Object.entries(programs)) {
    const ask = async () => (await gql(url, measured, { id }))['run'];
    await expect.poll(async () => (await ask())?.byTime?.[0]?.x?.length ?? 0).toBeGreaterThan(1);
    program.child.stdin!.end('\n');
    await program;
    await expect.poll(async () => (await ask()).completeness.complete).toBe(true);
    const told = await ask();
    // steps of the machine are none of the training
    expect(told).toMatchObject({
      attempts: [{ toStep: 7 }],
      ranks: [{ lastStep: 7 }],
      completeness: { batchesMissing: 0 },
    });
    const everywhere = ['load_1m', 'disk_free_bytes', 'memory_available_bytes', 'process/memory_rss_bytes'];
    expect(told.metricKeys).toEqual(expect.arrayContaining(['loss', ...everywhere.map((key) => `system/${key}`)]));
    const [{ x: steps }, { x: times, last }] = [told.byStep[0], told.byTime[0]];
    expect(Math.abs(steps[0] * 1_000 - Date.now())).toBeLessThan(3_600_000);
    expect(Math.abs(times[0] - steps[0] * 1_000)).toBeLessThan(5_000);
    expect(last[0]).toBeGreaterThan(1_000_000);
  }
});

it('a package that is not there is said to be none, with what there is', async () => {
  const answer = await fetch(`${url}/sdk/runstream-9.9.9-py3-none-any.whl`);
  expect(answer.status).toBe(404);
  expect(await answer.text()).toContain('runstream-0.1.0-py3-none-any.whl');
  expect((await fetch(`${url}/sdk/..%2F..%2Fpackage.json`)).status).toBe(404);
});

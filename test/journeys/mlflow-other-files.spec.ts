import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { postEvents, started, writerOf, type TestEvent } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
});
afterAll(() => rig.close());

async function store(name: string, text: string, seq: number): Promise<TestEvent> {
  const bytes = Buffer.from(text);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  expect((await fetch(`${url}/v1/artifacts/${digest}`, { method: 'PUT', body: bytes })).status).toBe(201);
  const data = { name, type: 'file', digest, sizeBytes: bytes.length, mime: '', metadata: {}, step: 0, hasStep: false };
  return { name: 'ArtifactLogged', subject: 'sdk-run', timeMs: 1_000 + seq, writer: writerOf('w', seq), data };
}
const get = async (path: string): Promise<Response> => fetch(`${url}/api/2.0/${path}`);
const listed = async (path = ''): Promise<{ root_uri: string; files?: unknown }> =>
  (await (await get(`mlflow/artifacts/list?run_id=sdk-run&path=${encodeURIComponent(path)}`)).json()) as never;

it("lists and reads files that an SDK logged, by MLflow's client's addresses, the last of a name", async () => {
  await postEvents(url, [started('sdk-run', 'files', writerOf('w', 1))]);
  await postEvents(url, [
    await store('model.pt', 'first', 2),
    await store('plots/deep/a b.txt', 'plot', 3),
    await store('model.pt', 'second', 4),
  ]);
  await expect
    .poll(async () => (await listed()).files)
    .toEqual([
      { path: 'model.pt', is_dir: false, file_size: 6 },
      { path: 'plots', is_dir: true },
    ]);
  expect((await listed('plots')).files).toEqual([{ path: 'plots/deep', is_dir: true }]);
  const { root_uri, files } = await listed('plots/deep');
  expect(files).toEqual([{ path: 'plots/deep/a b.txt', is_dir: false, file_size: 4 }]);
  expect((await listed('model.pt')).files).toBeUndefined();
  const root = root_uri.replace('mlflow-artifacts:/', 'mlflow-artifacts/artifacts/');
  const read = async (path: string) => (await get(`${root}/${path}`)).text();
  expect(await read('model.pt')).toBe('second');
  expect(await read('plots/deep/a%20b.txt')).toBe('plot');
  expect((await get(`${root}/none.txt`)).status).toBe(404);
});

it('gives a page that somebody logged to be saved, never to be shown, whichever way it came', async () => {
  const page = '<script>alert(document.domain)</script>';
  await postEvents(url, [started('page-run', 'files', writerOf('w', 1))]);
  const logged = await store('report.html', page, 2);
  await postEvents(url, [{ ...logged, subject: 'page-run', data: { ...logged.data, mime: 'text/html' } } as TestEvent]);
  const list = async () => (await (await get('mlflow/artifacts/list?run_id=page-run')).json()) as { root_uri: string };
  const root = (await list()).root_uri.replace('mlflow-artifacts:/', 'mlflow-artifacts/artifacts/');
  expect((await fetch(`${url}/api/2.0/${root}/put.html`, { method: 'PUT', body: page })).status).toBe(200);
  for (const name of ['report.html', 'put.html']) {
    await expect.poll(async () => (await get(`${root}/${name}`)).status).toBe(200);
    for (const method of ['GET', 'HEAD']) {
      const { headers } = await fetch(`${url}/api/2.0/${root}/${name}`, { method });
      expect(headers.get('content-disposition'), name).toMatch(/^attachment; filename="(report|put)\.html"/);
      expect(headers.get('content-security-policy'), name).toBe("default-src 'none'; sandbox; frame-ancestors 'none'");
      expect(headers.get('x-content-type-options'), name).toBe('nosniff');
    }
  }
});

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Api } from '#libs/sdk-typescript/sdk.js';
import { openBrowserRig, type BrowserRig } from '../rigs/browser-rig.js';
import { gql } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

const sdk = fileURLToPath(new URL('../../libs/sdk-python', import.meta.url));
const hostile = '<h1>report</h1><script>parent.document.title = "taken over"</script><img src=x onerror="alert(1)">';
/** Values of every kind, under keys as people choose them. */
const job = `
import runstream
run = runstream.init(project="rich", id="job", capture_environment=False, capture_console=False)
for step in (0, 10, 20):
    run.log({
        "loss": 1 / (step + 1),
        "samples/wrong <b>& ünï 🚀": [runstream.Image([[step, 255], [128, n]], caption="no. %d of step %d" % (n, step)) for n in range(3)],
        "weights": runstream.Histogram([step, step + 1, step + 1, float("nan")], bins=2),
        "said": "step %d <script>alert(1)</script>" % step,
    }, step=step)
run.log({
    "table": runstream.Table([{"name": "größe", "score": 0.5}, {"name": "b", "score": 0.25}]),
    "confusion": runstream.ConfusionMatrix([0, 1, 1], [0, 1, 0], labels=["cat", "dog"]),
    "roc": runstream.Curve.roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]),
    "cloud": runstream.Points3D([[0, 0, 0], [1, 2, 3]]),
    "page": runstream.Html(${JSON.stringify(hostile)} + "x" * 70_000),
    "tone": runstream.Audio([0.0, 0.5, -0.5], rate=8_000),
}, step=20)
assert run.finish()
`;
const readBack = `
import runstream, json
run = runstream.Api().run("job")
images = [value for value in run.media(kind="image")]
assert [(value.step, value.index) for value in images] == [(step, n) for step in (0, 10, 20) for n in range(3)], images
assert all(value.content().startswith(b"\\x89PNG") and value.facts["width"] == "2" for value in images)
[table] = run.media(keys=["table"])
assert table.json() == {"columns": ["name", "score"], "rows": [["größe", 0.5], ["b", 0.25]]}
[page] = run.media(keys=["page"], rank=0)
assert page.content().decode() == ${JSON.stringify(hostile)} + "x" * 70_000
assert list(run.media(rank=7)) == []
`;

let rig: ServerRig;
let browser: BrowserRig;
let folder: string;
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rich-'));
  [rig, browser] = await Promise.all([openServerRig(), openBrowserRig()]);
  url = rig.server.url;
});
afterAll(async () => {
  await browser?.close();
  await rig?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Not in a call that holds this thread: the door to a cluster is in it. */
async function play(source: string): Promise<void> {
  writeFileSync(join(folder, 'job.py'), source);
  const env = { ...process.env, PYTHONPATH: sdk, RUNSTREAM_URL: url, RUNSTREAM_DIR: join(folder, 'spool') };
  await promisify(execFile)('python3', ['job.py'], { cwd: folder, env });
}
const mediaOf = async (run: string, fields: string, args = 'first: 100') =>
  (await gql(url, `query($id: ID!) { run(id: $id) { media(${args}) { values { ${fields} } } } }`, { id: run }))['run']
    .media.values as Record<string, unknown>[];

it('values of every kind are kept as they were logged, in GraphQL, in SQL and in Python', async () => {
  await play(job);
  await expect.poll(async () => (await mediaOf('job', 'key')).length, { timeout: 60_000 }).toBe(3 * 5 + 6);
  const images = await mediaOf(
    'job',
    'step index rank kind mime caption facts url text',
    'keys: ["samples/wrong <b>& ünï 🚀"], from: 10, to: 11',
  );
  expect(images.map(({ step, index, caption }) => [step, index, caption])).toEqual(
    [0, 1, 2].map((n) => [10, n, `no. ${n} of step 10`]),
  );
  expect(images[0]).toMatchObject({ kind: 'image', mime: 'image/png', text: null, facts: { width: '2', height: '2' } });
  expect(images[0]!['url']).toMatch(/^data:image\/png;base64,iVBOR/);
  const { run } = await gql(url, '{ run(id: "job") { mediaKeys { key kind steps } metricKeys } }');
  expect(run.mediaKeys).toContainEqual({ key: 'weights', kind: 'histogram', steps: [0, 10, 20] });
  expect(run.metricKeys).toEqual(['loss']);
  const sql = new URLSearchParams({
    query:
      "SELECT key, kind, max(step), count() FROM media WHERE run = 'job' AND kind IN ('image', 'text') GROUP BY key, kind ORDER BY key",
  });
  expect(await (await fetch(`${url}/clickhouse?${sql}`)).text()).toBe(
    'said\ttext\t20\t3\nsamples/wrong <b>& ünï 🚀\timage\t20\t9\n',
  );
  await play(readBack);
  const back = await new Api({ url }).run('job');
  const read = new Map<string, unknown>();
  for await (const value of back.media({ rank: 0 }))
    if (['table', 'page', 'said'].includes(value.key))
      read.set(`${value.key} ${value.step}`, (await value.content()).toString());
  expect([...read.keys()]).toEqual(['page 20', 'said 0', 'said 10', 'said 20', 'table 20']);
  expect(read.get('page 20')).toBe(hostile + 'x'.repeat(70_000));
});

it('a value that can not be right is refused by its field, and its neighbour is kept', async () => {
  const event = (id: string, value: object) => ({
    specversion: '1.0',
    id,
    source: 'curl',
    type: 'runstream.ValuesLogged.v1',
    subject: 'by-hand',
    data: { values: [value] },
  });
  const started = { ...event('0', {}), type: 'runstream.RunStarted.v1', data: { project: 'rich' } };
  const batch = [
    started,
    event('1', { key: 'a', kind: 'painting', text: 'x' }),
    event('2', { key: 'a', kind: 'image', data: '???' }),
    event('3', { key: 'a', kind: 'text', text: 'kept', step: 3 }),
  ];
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(batch),
  });
  const answer = (await response.json()) as { results: { status: string; field?: string }[] };
  expect(answer.results.map(({ status, field }) => [status, field ?? null])).toEqual([
    ['accepted', null],
    ['refused', 'events[1].data.values[0].kind'],
    ['refused', 'events[2].data.values[0].data'],
    ['accepted', null],
  ]);
  await expect.poll(() => mediaOf('by-hand', 'key text'), { timeout: 60_000 }).toEqual([{ key: 'a', text: 'kept' }]);
});

it('are seen on the page, at any step, and nothing that was logged acts as the page', async () => {
  const { page, problems } = browser;
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => (dialogs.push(dialog.message()), void dialog.dismiss()));
  await page.goto(`${url}/runs/job`);
  await page.getByTestId('tab-media').click();
  const card = page.getByRole('article', { name: 'samples/wrong <b>& ünï 🚀' });
  await card.getByText('no. 2 of step 20').waitFor();
  expect(
    await card
      .getByTestId('media-image')
      .first()
      .evaluate((image) => Reflect.get(image, 'naturalWidth') as number),
  ).toBe(2);
  await card.getByTestId('media-step').fill('0');
  await card.getByText('no. 2 of step 0').waitFor();
  await page.getByText('step 20 <script>alert(1)</script>').waitFor();
  for (const [key, part] of [
    ['weights', 'histogram'],
    ['confusion', 'matrix'],
    ['roc', 'curve'],
    ['cloud', 'points'],
    ['tone', 'audio'],
    ['page', 'html'],
    ['table', 'table'],
  ] as const) {
    // what is out of sight is not loaded
    const shown = page.getByRole('article', { name: key, exact: true });
    await shown.scrollIntoViewIfNeeded();
    await shown.getByTestId(`media-${part}`).waitFor();
  }
  await page.getByTestId('media-table').getByRole('button', { name: 'score' }).click();
  expect(await page.getByTestId('media-table').locator('tbody tr').first().innerText()).toContain('0.25');
  await page.frameLocator('[data-testid=media-html]').getByRole('heading', { name: 'report' }).waitFor();
  expect(await page.title()).not.toContain('taken over');
  expect(dialogs).toEqual([]);
  await browser.picture('page-media');
  // the picture that a logged page asks for from here, and gets nothing of
  expect(problems.filter((problem) => !problem.includes('/x'))).toEqual([]);
  await page.getByTestId('media-search').fill('nothing like this');
  await page.getByText('None of the 9 keys is called like that.').waitFor();
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowserRig, type BrowserRig } from '../rigs/browser-rig.js';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';
import { useRunsTable } from './page-runs-table.js';

const steps = Array.from({ length: 60 }, (_, step) => step);
const startedAtMs = Date.now() - 60_000;
const ranks = 4;
const straggler = 2;

let server: ServerRig;
let browser: BrowserRig;

beforeAll(async () => {
  [server, browser] = await Promise.all([openServerRig(), openBrowserRig()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Ranks that wait for each other: all steps at the same times, and one rank that works three times as long as the others. */
function synchronousJob(run: string) {
  const times = Float64Array.from(steps, (step) => startedAtMs + step * 100);
  return Array.from({ length: ranks }, (_, rank) => {
    const said = block(['loss', 'compute_ms', 'step_ms'], steps, (key, step) => {
      if (key === 0) return 2 / (1 + step);
      return key === 1 ? (rank === straggler ? 90 : 30) + (step % 3) : 100 + ((step + rank) % 2);
    });
    return points(run, writerOf(`${run}-${rank}`, rank === 0 ? 2 : 1, rank), [{ ...said, times }]);
  });
}

const run = (id: string, name: string, more: Parameters<typeof started>[3] = {}) => ({
  ...started(id, 'vision', writerOf(`${id}-0`, 1), { name, params: [{ key: 'lr', json: '0.1' }], ...more }),
  timeMs: startedAtMs,
});

describe('the page, as a person uses it', () => {
  it('an empty server says how to begin, and its SQL page answers', async () => {
    const { page } = browser;
    await page.goto(server.server.url);
    await page.getByTestId('first-run').waitFor();
    await browser.picture('page-empty');
    await page.getByRole('link', { name: 'SQL' }).click();
    await page.getByTestId('sql').press('Control+Enter');
    await page.getByText('No rows. The query is right; nothing matches it.').waitFor();
  });

  it('a run is archived after a question, found among the archived, and restored', async () => {
    const { page } = browser;
    await postEvents(server.server.url, [
      run('sync', 'synchronous', { worldSize: ranks }),
      ...synchronousJob('sync'),
      run('other', 'the other one'),
      run('third', 'a third'),
    ]);
    await page.goto(`${server.server.url}/projects/vision`);
    await page.getByRole('link', { name: 'the other one' }).click();
    await page.getByTestId('archive').click();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByTestId('dialog').count()).toBe(0);
    await page.getByTestId('archive').click();
    await browser.picture('page-archive');
    await page.getByTestId('dialog-confirm').click();
    await page.getByTestId('archived').waitFor();
    await page.getByRole('link', { name: 'vision', exact: true }).click();
    await page.getByRole('link', { name: 'synchronous' }).waitFor();
    await expect.poll(() => page.getByRole('link', { name: 'the other one' }).count()).toBe(0);
    await page.getByTestId('archived-runs').click();
    await page.getByRole('link', { name: 'the other one' }).click();
    await page.getByTestId('restore').click();
    await page.getByTestId('archive').waitFor();
    await page.goto(`${server.server.url}/projects/vision`);
    await page.getByRole('link', { name: 'the other one' }).waitFor();
  });

  it('runs are chosen and compared: what they differ in, and their curves as they go on', async () => {
    const { page } = browser;
    const { url } = server.server;
    const learner = (id: string, rate: string, to: number) => [
      started(id, 'comparing', writerOf(id, 1), {
        name: `rate ${rate}`,
        params: [
          { key: 'rate', json: rate },
          { key: 'model', json: '"resnet"' },
        ],
      }),
      points(id, writerOf(id, 1), [
        block(['loss', 'eval/acc'], steps.slice(0, to), (key, step) => key + step * Number(rate)),
      ]),
    ];
    const { position } = await postEvents(url, [...learner('fast', '0.5', 60), ...learner('slow', '0.25', 30)]);
    await gql(url, 'query($at: String) { run(id: "slow", at: $at) { id } }', { at: position });
    await page.goto(`${url}/projects/comparing`);
    await page.getByRole('checkbox', { name: 'Choose rate 0.5' }).check();
    await page.getByRole('checkbox', { name: 'Choose rate 0.25' }).check();
    await page.getByTestId('compare').click();
    const table = page.getByTestId('compared');
    await table.getByRole('row', { name: 'rate 0.5 0.25' }).waitFor();
    expect(await table.getByRole('rowheader', { name: 'model' }).count()).toBe(0);
    await page.getByRole('checkbox', { name: /also what is the same/ }).check();
    await table.getByRole('row', { name: 'model resnet resnet' }).waitFor();
    const plot = page.getByTestId('chart-loss').getByRole('img');
    await expect.poll(() => plot.getAttribute('data-x-last')).toBe('59');
    await page.getByTestId('chart-eval/acc').getByRole('img').waitFor();
    await browser.picture('page-compare');
    await postEvents(url, [points('fast', writerOf('fast', 2), [block(['loss'], [60, 61], (_, step) => step)])]);
    await expect.poll(() => plot.getAttribute('data-x-last')).toBe('61');
    await page.getByRole('button', { name: 'Leave out rate 0.25' }).click();
    await table.getByRole('columnheader', { name: 'rate 0.25' }).waitFor({ state: 'detached' });
    await page.reload();
    await expect.poll(() => plot.getAttribute('data-x-last')).toBe('61');
    expect(await table.getByRole('link').allTextContents()).toEqual(['rate 0.5']);
  });

  it('the table of runs is arranged, searched, grouped and changed in bulk, and its address shows the same again', () =>
    useRunsTable(browser, server.server.url));

  it('what happens after a page was answered and before it listens is shown without a reload', async () => {
    const { page } = browser;
    let held = true;
    let connect = (): void => undefined;
    // there is no way to take this back: sockets of later pages are passed through
    await page.routeWebSocket(/graphql/, (socket) => {
      if (!held) return void socket.connectToServer();
      const sent: (string | Buffer)[] = [];
      let there: { send(message: string | Buffer): void } | null = null;
      socket.onMessage((message) => (there ? there.send(message) : void sent.push(message)));
      connect = () => {
        there = socket.connectToServer();
        for (const message of sent) there.send(message);
      };
    });
    await page.goto(`${server.server.url}/projects/slow`);
    await page.getByTestId('first-run').waitFor();
    const told = await postEvents(server.server.url, [
      started('between', 'slow', writerOf('b', 1), { name: 'in between' }),
    ]);
    const at = told.results[0]!.position;
    await gql(server.server.url, 'query($at: String) { run(id: "between", at: $at) { id } }', { at });
    held = false;
    connect();
    await page.getByRole('link', { name: 'in between' }).waitFor();
  });

  it('a run is deleted after a question, and the deletion undone', async () => {
    const { page } = browser;
    await page.goto(`${server.server.url}/runs/third`);
    await page.getByTestId('delete').click();
    await page.getByTestId('dialog-confirm').click();
    await page.getByTestId('deleted').waitFor();
    expect(await gql(server.server.url, '{ run(id: "third") { id } }')).toEqual({ run: null });
    await page.getByTestId('undo-delete').click();
    await expect.poll(() => page.getByTestId('run-name').textContent()).toBe('a third');
  });

  it('notes are Markdown, and nothing that stands in them runs', async () => {
    const { page, problems } = browser;
    const before = problems.length;
    await page.goto(`${server.server.url}/runs/third`);
    expect(await page.getByTestId('tab-ranks').count()).toBe(0);
    await page.getByTestId('run-notes').click();
    const payloads = [
      '<script>window.hacked = 1</script>',
      '<img src=x onerror="window.hacked = 2">',
      '<svg onload="window.hacked = 3"><a href="javascript:window.hacked = 4">a</a></svg>',
      '[here](javascript:window.hacked=5) ![there](javascript:window.hacked=6) [data](data:text/html,<script>1</script>)',
      '![elsewhere](https://example.com/p.png "onerror=window.hacked=7")',
      '<style>*{display:none}</style><iframe srcdoc="<script>parent.hacked=8</script>"></iframe><form id=root>',
    ];
    await page.getByLabel('Notes, in Markdown').fill(`# Learned\n\n**warm-up** helps\n\n${payloads.join('\n\n')}`);
    await page.getByTestId('notes-preview').getByRole('heading', { name: 'Learned' }).waitFor();
    await page.getByLabel('Notes, in Markdown').press('Control+Enter');
    const notes = page.getByTestId('notes');
    await notes.getByRole('heading', { name: 'Learned' }).waitFor();
    await notes.locator('strong', { hasText: 'warm-up' }).waitFor();
    await notes.getByRole('link', { name: 'elsewhere' }).waitFor();
    const live =
      'script, style, iframe, form, svg, img, [onerror], [onload], [id], [href^="javascript"], [href^="data"]';
    expect(await notes.locator(live).count()).toBe(0);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(problems.slice(before)).toEqual([]);
    await browser.picture('page-notes');
  });

  it('a run of more metrics than are drawn at once says so, and a search finds each of them', async () => {
    const { page } = browser;
    const keys = Array.from({ length: 520 }, (_, i) => `layer/${String(i).padStart(4, '0')}`);
    await postEvents(server.server.url, [
      run('keys', 'many keys'),
      points('keys', writerOf('keys-0', 1), [block(keys, [0, 1], (_, step) => step)]),
    ]);
    await page.goto(`${server.server.url}/runs/keys`);
    const shown = page.locator('.toolbar .shown');
    await expect.poll(() => shown.textContent()).toBe('500 charts of more');
    await page.getByTestId('chart-search').fill('layer/0519');
    await page.getByTestId('chart-layer/0519').waitFor();
    expect(await shown.textContent()).toBe('1 chart');
    await page.getByTestId('chart-search').fill('layer/0520');
    await page.getByText('No metric is called like “layer/0520”.').waitFor();
  });

  it('a refusal is shown where the question was asked', async () => {
    const { page } = browser;
    await page.goto(`${server.server.url}/runs/third`);
    await page.getByTestId('archive').click();
    await gql(server.server.url, 'mutation { deleteRun(id: "third") { error { message } } }');
    // a page that hears of the deletion first has closed the dialog, and says so itself
    await page
      .getByTestId('dialog-confirm')
      .click({ timeout: 5_000 })
      .catch(() => undefined);
    await expect
      .poll(() => page.getByTestId('dialog-problem').or(page.getByText('There is no run')).first().textContent())
      .toMatch(/run third is deleted; restore it first|There is no run/);
    await gql(server.server.url, 'mutation { restoreRun(id: "third") { error { message } } }');
  });

  it('a run that nobody ends is marked as ended, with a reason', async () => {
    const { page } = browser;
    await page.goto(`${server.server.url}/runs/third`);
    await page.getByTestId('finish').click();
    await page.getByLabel('Failed').check();
    await page.getByTestId('finish-reason').fill('the machine was taken away');
    await browser.picture('page-finish');
    await page.getByTestId('dialog-confirm').click();
    await expect.poll(() => page.getByTestId('run-status').getAttribute('data-status')).toBe('FAILED');
    await page.getByText('the machine was taken away').waitFor();
    await expect.poll(() => page.getByTestId('finish').count()).toBe(0);
  });

  it('a fork begins at a step that its run has reached, and leads to its page', async () => {
    const { page } = browser;
    await page.goto(`${server.server.url}/runs/sync`);
    await page.getByTestId('fork').click();
    await expect.poll(() => page.getByTestId('fork-step').inputValue()).toBe('59');
    await page.getByTestId('fork-step').fill('many');
    expect(await page.getByTestId('dialog-confirm').isDisabled()).toBe(true);
    await page.getByTestId('fork-step').fill('30');
    await page.getByTestId('fork-name').fill('from step 30');
    await browser.picture('page-fork');
    await page.getByTestId('dialog-confirm').click();
    await expect.poll(() => page.getByTestId('run-name').textContent()).toBe('from step 30');
    await page.getByText('at step 30').waitFor();
    await page.getByTestId('chart-loss').locator('canvas').first().waitFor();
  });

  it('the ranks page names who holds a synchronous job up, by its own work and not by the time of its steps', async () => {
    const { page } = browser;
    await page.goto(`${server.server.url}/runs/sync/ranks`);
    const card = page.getByTestId('straggler');
    await expect.poll(() => card.getAttribute('data-rank')).toBe(String(straggler));
    expect(await card.textContent()).toMatch(
      /^Rank 2 holds the others up\. All ranks keep step.*compute_ms 91, 2\.9× the median of 31/,
    );
    await browser.picture('page-straggler');
  });

  it('charts of the machine stand last, over time and with their units, beside those of the training over steps', async () => {
    const { page } = browser;
    const seconds = steps.map((step) => Math.floor(startedAtMs / 1000) + step);
    const machine = block(['system/memory_used_bytes', 'system/cpu_percent'], seconds, (key) => [1.5e9, 42][key]!);
    const training = {
      ...block(['loss'], steps, (_, step) => 2 / (1 + step)),
      times: Float64Array.from(steps, (step) => startedAtMs + step * 1000),
    };
    const times = Float64Array.from(steps, (step) => startedAtMs + step * 1000);
    await postEvents(server.server.url, [
      run('machine', 'with its machine'),
      points('machine', writerOf('machine-0', 1), [training, { ...machine, times }]),
    ]);
    await page.goto(`${server.server.url}/runs/machine`);
    const groups = page.locator('.chart-group h2');
    await expect.poll(() => groups.allTextContents()).toEqual(['Metrics', 'system']);
    const chart = (key: string) => page.getByTestId(`chart-${key}`);
    const reach = (key: string) => chart(key).locator('.plot').getAttribute('data-x-last');
    await chart('system/memory_used_bytes').scrollIntoViewIfNeeded();
    await expect.poll(() => chart('system/memory_used_bytes').locator('.last').textContent()).toBe('1.50 GB');
    await expect.poll(() => chart('system/cpu_percent').locator('.last').textContent()).toBe('42 %');
    await expect.poll(async () => [await reach('loss'), await reach('system/cpu_percent')]).toEqual(['59', '59000']);
    await browser.picture('page-machine');
  });

  it('SQL is asked with Ctrl-Enter, answered in a table, and refused in the words of the engine', async () => {
    const { page, problems } = browser;
    expect(problems).toEqual([]);
    await page.goto(`${server.server.url}/sql`);
    const sql = page.getByTestId('sql');
    await sql.fill(
      "SELECT run, key, max(value) AS most, NULL AS none FROM points WHERE key = 'compute_ms' GROUP BY run, key",
    );
    await sql.press('Control+Enter');
    const cells = page.getByTestId('sql-result').locator('tbody td');
    await expect.poll(() => cells.allTextContents()).toEqual(['sync', 'compute_ms', '92', 'null']);
    await browser.picture('page-sql');
    await page.getByTestId('sql-result').getByRole('link', { name: 'sync' }).click();
    await page.getByTestId('tab-charts').waitFor();

    await page.goBack();
    await sql.fill('SELECT nothing FROM points');
    await sql.press('Control+Enter');
    await expect.poll(() => page.getByTestId('sql-problem').textContent()).toMatch(/Unknown expression.*nothing/);
    await sql.fill('SELECT count() FROM system.processes');
    await sql.press('Control+Enter');
    await expect.poll(() => page.getByTestId('sql-problem').textContent()).toMatch(/Not enough privileges/);
    await sql.fill('SELECT arrayJoin(range(20000)) AS n');
    await sql.press('Control+Enter');
    await expect.poll(() => page.getByTestId('sql-count').textContent()).toMatch(/the first 5,000 rows/);
    await sql.fill("SELECT count() FROM points WHERE run = 'sync' FORMAT Vertical");
    await sql.press('Control+Enter');
    await expect.poll(() => page.getByTestId('sql-text').textContent()).toMatch(/count\(\): 720/);
    for (const example of [
      'Best final loss',
      'Param against result',
      'Slowest ranks',
      'Metrics by minute',
      'Newest runs',
    ]) {
      await page.getByRole('button', { name: example }).click();
      await expect.poll(() => page.getByTestId('sql-result').locator('tbody tr').count()).toBeGreaterThan(0);
      await expect.poll(() => page.getByRole('status', { name: 'Running' }).count()).toBe(0);
      expect(await page.getByTestId('sql-problem').count(), example).toBe(0);
    }
    await sql.fill("SELECT count() FROM points WHERE run = 'sync' FORMAT Vertical");
    await sql.press('Control+Enter');
    await page.getByTestId('sql-text').waitFor();
    // the address holds the query, for whoever it is sent to
    await page.reload();
    expect(await sql.inputValue()).toBe("SELECT count() FROM points WHERE run = 'sync' FORMAT Vertical");
    // the page itself met no error but the refusals that were asked for
    expect(problems.filter((problem) => !problem.includes('/clickhouse'))).toEqual([]);
  });
});

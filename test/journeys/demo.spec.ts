import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBrowserRig, type BrowserRig } from '../rigs/browser-rig.js';
import { program } from '../rigs/program.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const straggler = 5;
const victim = 3;

let server: ServerRig;
let browser: BrowserRig;
let demo: ChildProcess | undefined;
let said = '';

beforeAll(async () => {
  [server, browser] = await Promise.all([openServerRig(), openBrowserRig()]);
});

afterAll(async () => {
  if (demo && demo.exitCode === null) {
    demo.kill('SIGCONT');
    demo.kill('SIGTERM');
  }
  await browser?.close();
  await server?.close();
});

/** As long as a slow machine may need: the person ends it with Ctrl-C when all has been seen. */
function startDemo(): Promise<number | null> {
  const { NODE_OPTIONS: _, VITEST: __, ...inherited } = process.env;
  const flags = ['--url', server.server.url, '--seconds', '900', `--straggler=${straggler}`];
  const child = spawn(process.execPath, [...program('demo/main'), ...flags], {
    cwd: root,
    env: inherited,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  demo = child;
  const read = (chunk: Buffer): void => {
    said += chunk.toString();
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise((resolve) => child.on('close', resolve));
}

/** What the page's chart of a metric draws: its first line's first and newest value, and how far it reaches. */
async function drawn(metric: string, what: 'first' | 'last' | 'x-last'): Promise<number> {
  const plot = browser.page.getByTestId(`chart-${metric}`).locator('.plot');
  if ((await plot.count()) === 0) return NaN;
  return Number((await plot.getAttribute(`data-${what}`)) ?? NaN);
}

it('a person watches a training with a slow and a killed rank from start to end without a reload', async () => {
  const { page } = browser;

  // given a page that is open when the demo begins, and the run that then appears on it
  await page.goto(server.server.url);
  await page.getByRole('heading').first().waitFor();
  const ended = startDemo();
  await expect.poll(() => /\/runs\/(demo-\w+)/.exec(said)?.[1]).toBeDefined();
  const run = /\/runs\/(demo-\w+)/.exec(said)![1]!;
  await page.getByTestId(`run-row-${run}`).getByRole('link').first().click();

  // then the curve moves by itself and the loss falls
  await page.getByTestId('chart-loss').locator('canvas').first().waitFor();
  await expect.poll(() => drawn('loss', 'x-last')).toBeGreaterThan(0);
  const reached = await drawn('loss', 'x-last');
  await expect.poll(() => drawn('loss', 'x-last')).toBeGreaterThan(reached);
  const start = await drawn('loss', 'first');
  expect(start).toBeGreaterThan(1.5);
  await expect.poll(() => drawn('loss', 'last')).toBeLessThan(start / 2);
  await browser.picture('demo-loss');

  // and the band names the slow rank
  await page.getByTestId('view-band').click();
  const worst = page.getByTestId('chart-compute_ms').getByTestId('worst-rank');
  await page.getByTestId('chart-compute_ms').scrollIntoViewIfNeeded();
  await expect.poll(() => worst.getAttribute('data-rank')).toBe(String(straggler));
  await browser.picture('demo-band');

  // when a rank is killed, its sender outlives it and says so at once; nobody starts the job again: the launcher is held
  await page.getByTestId('tab-ranks').click();
  demo!.kill('SIGSTOP');
  process.kill(Number(/processes ([\d ]+)/.exec(said)![1]!.split(' ')[victim]), 'SIGKILL');
  const state = page.getByTestId(`rank-state-${victim}`);
  await expect.poll(() => state.textContent()).toMatch(/failed/i);
  await browser.picture('demo-killed');

  // and what the network takes for what is seen while it trains
  await page.getByTestId('tab-media').click();
  await page.getByTestId('media-matrix').waitFor();
  await page.getByTestId('media-histogram').waitFor();
  await page.getByRole('article', { name: 'eval/wrong' }).getByTestId('media-image').first().waitFor();
  await browser.picture('demo-media');
  await page.getByTestId('tab-ranks').click();

  // when the job is started again, the rank is back as attempt 2
  demo!.kill('SIGCONT');
  await expect.poll(() => said).toContain(`rank ${victim} was killed`);
  await expect.poll(() => said).toContain('as attempt 2');
  await expect.poll(() => state.textContent()).not.toMatch(/failed/i);
  await page.getByText(/^2\s*· from step/).waitFor();
  await browser.picture('demo-attempt-2');

  // when the person has seen enough, the ranks end together and keep what they have learned
  demo!.kill('SIGINT');
  expect(await ended, said).toBe(0);
  expect(said).toMatch(/held-out digits are right/);

  // then everything has arrived, and the words of the job are there
  await page.getByTestId('tab-completeness').click();
  await expect.poll(() => page.getByTestId('completeness').getAttribute('data-complete')).toBe('true');
  await browser.picture('demo-complete');
  await page.getByTestId('tab-console').click();
  await expect.poll(() => page.getByTestId('console-line').allTextContents()).not.toEqual([]);
  expect(browser.problems).toEqual([]);
});

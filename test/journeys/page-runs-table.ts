import { expect } from 'vitest';
import type { BrowserRig } from '../rigs/browser-rig.js';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';

/** What a person does with the table of a project's runs. */
export async function useRunsTable(browser: BrowserRig, url: string): Promise<void> {
  const { page } = browser;
  const names = ['a/b.c', '"quoted" \'name\'', '😀', 'שלום', '<b>bold</b>', 'x'.repeat(400)];
  const events = names.flatMap((name, i) => [
    started(`t${i}`, 'table', writerOf(`t${i}`, 1), {
      name,
      params: [{ key: 'my rate', json: i < 4 ? '0.1' : '0.2' }],
    }),
    points(`t${i}`, writerOf(`t${i}`, 1), [block(['loss'], [0, 1], (_, step) => i + step)]),
  ]);
  const { position } = await postEvents(url, events);
  await gql(url, 'query($at: String) { run(id: "t5", at: $at) { id } }', { at: position });
  await page.goto(`${url}/projects/table`);
  const table = page.getByTestId('runs');
  const column = (name: string) => table.locator('tbody tr[data-testid]').getByRole('link', { name });
  await column(names[0]!).waitFor();
  await page.getByTestId('columns').click();
  await page.getByLabel('Which value of loss').selectOption('max');
  await page.getByRole('button', { name: 'Hide User' }).click();
  await page.getByTestId('columns').click();
  const heads = () =>
    table.locator('th[data-column]').evaluateAll((all) => all.map((each) => each.getAttribute('data-column')));
  await expect.poll(heads).toContain('metrics.loss max');
  expect(await heads()).not.toContain('attributes.user');
  await table.getByRole('button', { name: 'my rate' }).press('Alt+ArrowLeft');
  await table.getByRole('separator', { name: 'Width of my rate' }).press('ArrowRight');
  const arrangement = ['status', 'name', 'started_at', 'duration'].map((key) => `attributes.${key}`);
  await expect.poll(heads).toEqual([...arrangement, 'params.my rate', 'metrics.loss max']);
  await table.getByRole('button', { name: 'my rate' }).click();
  const first = () => table.locator('tbody tr[data-testid]').first().getAttribute('data-testid');
  await expect.poll(first).toBe('run-row-t0');
  await page.reload();
  await expect.poll(heads).toEqual([...arrangement, 'params.my rate', 'metrics.loss max']);
  await expect
    .poll(() => table.locator('th[data-column="params.my rate"]').getAttribute('aria-sort'))
    .toBe('ascending');

  await page.getByRole('checkbox', { name: `Choose ${names[1]}` }).click();
  await page.getByRole('checkbox', { name: `Choose ${names[3]}` }).click({ modifiers: ['Shift'] });
  await page.getByText('3 runs chosen').waitFor();
  await page.getByTestId('bulk-group').click();
  await page.getByRole('textbox', { name: 'Group' }).fill('kept');
  await gql(url, 'mutation { deleteRun(id: "t2") { error { message } } }');
  await page.getByTestId('dialog-confirm').click();
  await page.getByText('2 runs put into the group.').waitFor();
  await page.getByText('1 run not changed').waitFor();
  await gql(url, 'mutation { restoreRun(id: "t2") { error { message } } }');
  await page.getByTestId('bulk-archive').click();
  await page.getByText('3 runs archived.').waitFor();
  await expect.poll(() => page.getByTestId('run-count').textContent()).toBe('3 runs');
  await browser.picture('page-bulk');
  await page.getByTestId('bulk-undo').click();
  await page.getByText('3 runs as before.').waitFor();
  await expect.poll(() => page.getByTestId('run-count').textContent()).toBe('6 runs');

  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('csv').click()]);
  expect(file.suggestedFilename()).toBe('table.csv');

  const filter = page.getByTestId('filter');
  const take = async (name: string) => {
    await page.getByRole('option', { name, exact: true }).waitFor();
    while ((await page.getByRole('option', { name, exact: true }).getAttribute('aria-selected')) !== 'true')
      await filter.press('ArrowDown');
    await filter.press('Enter');
  };
  await filter.fill('my');
  await take('my rate params');
  await take('=');
  await take('0.2 2 runs');
  expect(await filter.inputValue()).toBe("params.`my rate` = '0.2' ");
  await expect.poll(() => page.getByTestId('run-count').textContent()).toBe('2 runs');
  await filter.fill('params.`my rate` ! 1');
  await page.getByTestId('filter-problem').waitFor();
  await filter.fill('');
  await filter.press('Escape');
  await expect.poll(() => page.getByTestId('run-count').textContent()).toBe('6 runs');

  await page.getByTestId('group').click();
  for (const [list, name] of [
    ['Params', 'my rate'],
    ['Attributes', 'Group'],
  ] as const) {
    const box = page.getByRole('group', { name: list, exact: true }).getByRole('checkbox', { name, exact: true });
    await box.click();
    // it shows what the address says, and that changes a moment later
    await expect.poll(() => box.isChecked()).toBe(true);
  }
  await page.getByTestId('group').click();
  const row = page.getByTestId('group-0.1').getByRole('cell');
  await expect.poll(() => row.allTextContents()).toEqual(['4', '2.5 ± 1.291 … 4']);
  await page.getByTestId('group-0.1').getByRole('button').click();
  await expect.poll(() => page.getByTestId('group-kept').getByRole('cell').first().textContent()).toBe('2');
  await page.getByTestId('group-kept').getByRole('button').click();
  await page.getByTestId('groups').getByRole('link', { name: names[1]! }).waitFor();
  await page.getByTestId('groups').getByRole('link', { name: names[3]! }).waitFor();
  expect(await page.getByTestId('groups').getByRole('link').count()).toBe(2);
  await browser.picture('page-groups');
  await page.evaluate('localStorage.clear()');
}

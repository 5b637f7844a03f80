import { expect, it } from 'vitest';
import type { ComparedRunFragment } from '../generated/questions.js';
import { readChosen } from './chosen-runs.js';
import { comparedGroups } from './compared-rows.js';

const run = (id: string, more: Partial<ComparedRunFragment>): ComparedRunFragment => ({
  id,
  name: id,
  project: 'p',
  group: null,
  user: null,
  status: 'FINISHED',
  statusReason: null,
  startedAt: 0,
  endedAt: 1_000,
  durationMs: 1_000,
  worldSize: 1,
  archived: false,
  tags: [],
  params: [],
  summary: [],
  summarySet: [],
  environment: null,
  ...more,
});
const rowsOf = (title: string, runs: ComparedRunFragment[]) =>
  comparedGroups(runs, 5_000)
    .find((group) => group.title === title)
    ?.rows.map(({ name, values, differs }) => [name, values, differs]);

it('has a row for each key that any run has, and says in which they differ', () => {
  const one = run('one', {
    params: [
      { key: 'lr', value: 0.1 },
      { key: 'b10', value: 1 },
      { key: 'b9', value: { deep: [1] } },
    ],
  });
  const two = run('two', {
    params: [
      { key: 'lr', value: '0.1' },
      { key: 'b9', value: { deep: [1] } },
    ],
  });
  expect(rowsOf('Params', [one, two])).toEqual([
    ['b9', ['{"deep":[1]}', '{"deep":[1]}'], false],
    ['b10', ['1', null], true],
    ['lr', ['0.1', '0.1'], false],
  ]);
});

it('tells how long a run has taken that goes on, and leaves out what none has', () => {
  const runs = [run('one', { endedAt: null }), run('two', {})];
  expect(rowsOf('Run', runs)).toContainEqual(['Duration', ['5s', '1s'], true]);
  expect(rowsOf('Run', runs)?.map(([name]) => name)).not.toContain('Group');
  expect(rowsOf('Environment', runs)).toBeUndefined();
});

it('reads an address: each run once, no more than can be told apart', () => {
  expect(readChosen(new URLSearchParams('runs=a,b,a,,c'))).toEqual({ ids: ['a', 'b', 'c'], passedOver: 0 });
  const many = Array.from({ length: 70 }, (_, i) => `r${i}`).join(',');
  const found = readChosen(new URLSearchParams({ runs: many }));
  expect([found.ids.length, found.ids.length + found.passedOver]).toEqual([50, many.split(',').length]);
  expect(readChosen(new URLSearchParams(''))).toEqual({ ids: [], passedOver: 0 });
});

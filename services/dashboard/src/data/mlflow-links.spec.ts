import { expect, it } from 'vitest';
import { linkedPage } from './mlflow-links.js';

it.each([
  ['/', '#/experiments/1/runs/0a1b', '/runs/0a1b'],
  ['/', '#/experiments/1/runs/0a1b/artifacts', '/runs/0a1b'],
  ['/t/team-a/', '#/experiments/3/runs/0a1b', '/runs/0a1b'],
  ['/', '#/experiments/7', '/projects/number/7'],
  ['/t/team-a/', '#/experiments/7?x=y', '/projects/number/7?tenant=team-a'],
  ['/', '', null],
  ['/runs/x', '#chart', null],
])('leads from %s%s to %s', (path, fragment, page) => {
  expect(linkedPage(path, fragment)).toBe(page);
});

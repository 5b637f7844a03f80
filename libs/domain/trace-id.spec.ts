import { expect, it } from 'vitest';
import { traceIdOf, traceSubject } from './trace-id.js';

it("a trace has the id its client gave it, in everybody's world and in a tenant's", () => {
  for (const [world, project] of [
    ['', 'vision'],
    ['team', 'team:vision'],
    ['a..b', 'a..b:c:d'],
  ] as const)
    expect(traceIdOf(project, traceSubject(world, 'tr-1'))).toBe('tr-1');
});

it('the same id is another trace in another world', () => {
  expect(new Set(['', 'a', 'b'].map((world) => traceSubject(world, 'tr-1'))).size).toBe(3);
});

it('what was logged before tenants had ids of their own keeps its id', () => {
  expect(traceIdOf('team:vision', 'tr-1')).toBe('tr-1');
  expect(traceIdOf('a:b', 'c..tr-1')).toBe('c..tr-1');
  expect(traceIdOf(':x', '..tr-1')).toBe('..tr-1');
});

import { describe, expect, it } from 'vitest';
import { defaultColumns, readColumns } from './columns.js';
import { readProblem } from './filter-problem.js';

describe('readProblem', () => {
  it('finds the character in the sentence of the server, counted from 0', () => {
    const message = 'filter: "!" is not expected here, at character 14\n  metrics.loss !! 0.3\n               ^';
    expect(readProblem({ message, at: null })).toEqual({ text: '"!" is not expected here', at: 13 });
  });
  it('shows a sentence without a place as it is', () => {
    expect(readProblem({ message: 'too long', at: null })).toEqual({ text: 'too long', at: null });
  });
});

describe('columns', () => {
  it('start with what tells most: losses, then scores, never the machine', () => {
    const columns = defaultColumns(['system/cpu', 'epoch', 'acc', 'loss'], ['lr', 'a', 'b', 'c']);
    expect(columns).toEqual({ metrics: ['loss', 'acc', 'epoch'], params: ['lr', 'a', 'b'] });
  });
  it('are read back only when they are what was kept', () => {
    expect(readColumns('{"metrics":["loss"],"params":[]}')).toEqual({ metrics: ['loss'], params: [] });
    expect(readColumns('{"metrics":[1],"params":[]}')).toBeNull();
    expect(readColumns('{')).toBeNull();
    expect(readColumns(null)).toBeNull();
  });
});

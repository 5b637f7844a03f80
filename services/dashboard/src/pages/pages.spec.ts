import { describe, expect, it } from 'vitest';
import {
  columnId,
  createColumn,
  defaultColumns,
  moved,
  printColumns,
  quotedKey,
  readColumns,
  resized,
  shifted,
  toggled,
  type Column,
} from './columns.js';
import { readProblem } from './filter-problem.js';
import { nextOrder } from './table-head.js';
import { between } from './use-chosen.js';

describe('readProblem', () => {
  it('finds the character in the sentence of the server, counted from 0', () => {
    const message = 'filter: "!" is not expected here, at character 14\n  metrics.loss !! 0.3\n               ^';
    expect(readProblem({ message, at: null })).toEqual({ text: '"!" is not expected here', at: 13 });
  });
  it('shows a sentence without a place as it is', () => {
    expect(readProblem({ message: 'too long', at: null })).toEqual({ text: 'too long', at: null });
  });
});

const ids = (columns: readonly Column[]): string[] => columns.map(columnId);

describe('columns', () => {
  it('start with what tells most: losses, then scores, never the machine', () => {
    const columns = defaultColumns(['system/cpu', 'epoch', 'acc', 'loss'], ['lr', 'a', 'b', 'c']);
    expect(ids(columns).slice(5)).toEqual([
      'metrics.loss',
      'metrics.acc',
      'metrics.epoch',
      'params.lr',
      'params.a',
      'params.b',
    ]);
    expect(ids(columns.filter(({ pinned }) => pinned))).toEqual(['attributes.status', 'attributes.name']);
  });
  it('are read back as they were kept, whatever their keys hold', () => {
    const columns = [
      createColumn({ kind: 'metrics', key: 'a "b" `c`, [1] 😀', stat: 'min', width: 200 }),
      createColumn({ kind: 'metrics', key: 'loss', stat: 'max', pinned: true }),
      createColumn({ kind: 'tags', key: 'team' }),
    ];
    expect(readColumns(printColumns(columns))).toEqual(columns);
  });
  it('are read back only when they are what was kept, each once and within its widths', () => {
    for (const wrong of [
      '{',
      '{}',
      '[]',
      '[1]',
      '[["q","k","s",100,0]]',
      '[["m","k","z",100,0]]',
      '[["m",1,"s",100,0]]',
      null,
    ])
      expect(readColumns(wrong)).toBeNull();
    expect(readColumns('[["m","k","s",1e9,0],["m","k","s",80,1],["a","nothing","s",80,0]]')).toEqual([
      createColumn({ kind: 'metrics', key: 'k', width: 900 }),
    ]);
  });
  it('move one place or to that of another, and are pinned where that one is', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((key) => createColumn({ kind: 'params', key })) as [Column, Column, Column];
    const list = [{ ...a, pinned: true }, b, c];
    expect(ids(shifted(list, 'params.c', -1))).toEqual(['params.a', 'params.c', 'params.b']);
    expect(shifted(list, 'params.a', -1)).toEqual(list);
    const first = moved(list, 'params.c', 'params.a');
    expect(ids(first)).toEqual(['params.c', 'params.a', 'params.b']);
    expect(first.map(({ pinned }) => pinned)).toEqual([true, true, false]);
    expect(resized(list, 'params.b', 3).map(({ width }) => width)).toEqual([124, 56, 124]);
    expect(ids(toggled(list, { kind: 'params', key: 'b' }))).toEqual(['params.a', 'params.c']);
  });
  it('are ordered by a field that the search language reads', () => {
    expect(quotedKey('train/loss `x`')).toBe('`train/loss ``x```');
    expect(nextOrder('metrics.loss asc', 'metrics.loss')).toBe('metrics.loss desc');
    expect(nextOrder('metrics.loss asc', 'attributes.started_at')).toBe('attributes.started_at desc');
  });
});

describe('between', () => {
  it('is what lies between two rows in either direction, and the second alone where the first is gone', () => {
    expect(between(['a', 'b', 'c'], 'c', 'b')).toEqual(['b', 'c']);
    expect(between(['a', 'b', 'c'], 'a', 'c')).toEqual(['a', 'b', 'c']);
    expect(between(['a', 'b', 'c'], 'gone', 'b')).toEqual(['b']);
  });
});

import { describe, expect, it } from 'vitest';
import { align } from './align.js';
import { coarsen, type Buckets } from './buckets.js';
import { groupKeys } from './key-groups.js';
import { rangeOf, readFloats, smooth } from './numbers.js';

describe('numbers of the wire', () => {
  it('become numbers, with NaN, infinities and absence kept apart', () => {
    expect(readFloats([1, 'NaN', 'Infinity', '-Infinity', null])).toEqual([1, Number.NaN, Infinity, -Infinity, null]);
  });
});

describe('smooth', () => {
  it('leaves a constant line where it is from the first point on', () => {
    expect(smooth([3, 3, 3], 0.9).map((v) => Number(v?.toFixed(9)))).toEqual([3, 3, 3]);
  });
  it('weighs the newest value by one minus the weight', () => {
    expect(smooth([0, 1], 0.5)[1]).toBeCloseTo(2 / 3);
  });
  it('changes nothing at weight 0 and leaves gaps as gaps', () => {
    expect(smooth([1, null, 2], 0)).toEqual([1, null, 2]);
    expect(smooth([1, null, 1], 0.5)).toEqual([1, null, 1]);
  });
});

describe('rangeOf', () => {
  it('spans what can be drawn', () => {
    const range = rangeOf([[0, null, Number.NaN, 10]], false);
    expect(range?.[0]).toBeLessThan(0);
    expect(range?.[1]).toBeGreaterThan(10);
  });
  it('leaves out what a log scale can not show', () => {
    expect(rangeOf([[-5, 0, 10]], true)).toEqual([5, 20]);
    expect(rangeOf([[-5, 0]], true)).toBeNull();
  });
  it('gives a flat line room', () => {
    expect(rangeOf([[5, 5]], false)).toEqual([4.5, 5.5]);
  });
});

describe('coarsen', () => {
  it('merges neighbours with exact min, max and last', () => {
    const x = Array.from({ length: 100 }, (_, i) => i);
    const raw: Buckets = { x, min: x, max: x, last: x };
    const merged = coarsen(raw, 10);
    expect(merged.x.length).toBe(10);
    expect(merged.min[0]).toBe(0);
    expect(merged.max.at(-1)).toBe(99);
    expect(merged.last.at(-1)).toBe(99);
  });
  it('leaves what is small enough alone', () => {
    const raw: Buckets = { x: [1], min: [1], max: [1], last: [1] };
    expect(coarsen(raw, 10)).toBe(raw);
  });
});

describe('align', () => {
  it('puts lines on one sorted x with nulls where a line has nothing', () => {
    const aligned = align([
      { x: [1, 3], columns: [[10, 30]] },
      { x: [2, 3], columns: [[20, 33]] },
    ]);
    expect(aligned.x).toEqual([1, 2, 3]);
    expect(aligned.columns).toEqual([[[10, null, 30]], [[null, 20, 33]]]);
  });
});

describe('groupKeys', () => {
  it('groups by prefix: plain keys first, the machine last, numbers in order', () => {
    const groups = groupKeys(['system/cpu', 'train/l10', 'train/l9', 'loss'], '');
    expect(groups).toEqual([
      { title: '', keys: ['loss'] },
      { title: 'train', keys: ['train/l9', 'train/l10'] },
      { title: 'system', keys: ['system/cpu'] },
    ]);
  });
  it('keeps what contains the search', () => {
    expect(groupKeys(['train/loss', 'train/acc'], 'LOSS')).toEqual([{ title: 'train', keys: ['train/loss'] }]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRange } from './artifacts.controller.js';

describe('a range of bytes', () => {
  it.each([
    ['bytes=0-0', { start: 0, end: 1 }],
    ['bytes=2-4', { start: 2, end: 5 }],
    ['bytes=7-', { start: 7, end: 10 }],
    [' bytes=0-0 ', { start: 0, end: 1 }],
    ['x-bytes=0-0', null],
    ['bytes=0-0x', null],
    ['bytes=5-99', { start: 5, end: 10 }],
    ['bytes=-3', { start: 7, end: 10 }],
    ['bytes=-99', { start: 0, end: 10 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=4-2', null],
    ['bytes=-', null],
    ['bytes=0-1,3-4', null],
    ['lines=0-1', null],
    ['bytes=a-b', null],
    [undefined, null],
  ])('%s of ten bytes is %j', (header, expected) => {
    expect(readRange(header, 10)).toEqual(expected);
  });

  it('of nothing can not be satisfied', () => {
    expect(readRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(readRange('bytes=-5', 0)).toBe('unsatisfiable');
  });

  it('stays within the bytes whatever is asked for', () => {
    const part = fc.option(fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String), { nil: '' });
    fc.assert(
      fc.property(part, part, fc.nat(), (from, to, size) => {
        const range = readRange(`bytes=${from}-${to}`, size);
        if (range === null || range === 'unsatisfiable') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeGreaterThan(range.start);
        expect(range.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});

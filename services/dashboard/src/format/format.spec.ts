import { describe, expect, it } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatNumber,
  formatParam,
  formatSilence,
  plural,
  nameOf,
} from './format.js';
import { readRanks } from './ranks.js';

describe('formatDuration', () => {
  it('says the two units that matter', () => {
    expect([0, 999, 59_000, 61_000, 3_660_000, 90_000_000].map(formatDuration)).toEqual([
      '0s',
      '999ms',
      '59s',
      '1m 01s',
      '1h 01m',
      '1d 1h',
    ]);
    expect(formatDuration(null)).toBe('–');
  });
});

describe('formatNumber', () => {
  it('is short, and never hides what a value is', () => {
    expect([0, 1234, 0.123456, 0.00001234, 1.5e12, Number.NaN].map(formatNumber)).toEqual([
      '0',
      '1,234',
      '0.12346',
      '1.234e-5',
      '1.5e12',
      'NaN',
    ]);
    expect(['NaN', 'Infinity', '-Infinity', null].map((v) => formatNumber(v as never))).toEqual([
      'NaN',
      '∞',
      '−∞',
      '–',
    ]);
  });
});

describe('words for people', () => {
  it('tell how long ago', () => {
    expect(formatAgo(1000, 2000)).toBe('just now');
    expect(formatAgo(0, 95_000)).toBe('1 min ago');
    expect(formatSilence(0, 95_000)).toBe('1m 35s ago');
    expect(formatAgo(null, 0)).toBe('never');
  });
  it('tell sizes, counts and params', () => {
    expect([0, 999, 1500, 102_400_123].map(formatBytes)).toEqual(['0 B', '999 B', '1.50 KB', '102.4 MB']);
    expect([plural(1, 'batch', 'batches'), plural(1200, 'batch', 'batches')]).toEqual(['1 batch', '1,200 batches']);
    expect([formatParam(1 / 3), formatParam('a'), formatParam({ a: 1 })]).toEqual(['0.333333', 'a', '{"a":1}']);
  });
});

describe('readRanks', () => {
  it('reads lists and ranges', () => {
    expect(readRanks('5-7, 0,6', 16)).toEqual([0, 5, 6, 7]);
    expect(readRanks(' ', 16)).toBeUndefined();
  });
  it('refuses what is no list and stops at the limit', () => {
    expect(readRanks('a', 16)).toBeNull();
    expect(readRanks('7-5', 16)).toBeNull();
    expect(readRanks('0-100000', 16)).toHaveLength(16);
  });

  it('calls a run by its id until somebody names it', () => {
    expect([nameOf({ id: 'my-run', name: '' }), nameOf({ id: 'my-run', name: 'best' })]).toEqual(['my-run', 'best']);
  });
});

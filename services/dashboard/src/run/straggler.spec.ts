import { describe, expect, it } from 'vitest';
import type { BandFragment, RankStateFragment } from '../generated/questions.js';
import { findStraggler, tellingKeys } from './straggler.js';
import { stragglerWords } from './straggler-card.js';

const rank = (n: number, stepMs: number | null): RankStateFragment => ({
  rank: n,
  attempt: 1,
  host: null,
  lastStep: 100,
  lastSeenAt: null,
  lag: 0,
  stepMs,
  state: 'OK',
});
const ranksAt = (...steps: (number | null)[]): RankStateFragment[] => steps.map((ms, n) => rank(n, ms));
const many = <T>(value: T): T[] => Array.from({ length: 30 }, () => value);

/** The same in all its buckets. */
const band = (key: string, low: [number, number], middle: number, high: [number, number]): BandFragment => ({
  key,
  x: many(0),
  min: many(low[1]),
  p5: many(low[1]),
  p50: many(middle),
  p95: many(high[1]),
  max: many(high[1]),
  minRank: many(low[0]),
  maxRank: many(high[0]),
  ranks: 4,
  worstRank: null,
  worstScore: null,
});

describe('findStraggler', () => {
  it('names in a job that keeps step who works longest, not whose steps are odd by noise', () => {
    const ranks = ranksAt(100, 99, 101, 97);
    const found = findStraggler(ranks, [band('compute_ms', [1, 29], 30, [2, 90])]);
    expect(found).toEqual({ kind: 'works', rank: 2, key: 'compute_ms', value: 90, median: 30, lockstep: true });
    expect(stragglerWords(found).title).toBe('Rank 2 holds the others up');
    expect(findStraggler(ranks, [band('compute_ms', [1, 29], 30, [2, 31])]).kind).toBe('nobody');
  });

  it('names who waits least where ranks tell only how long they wait', () => {
    const found = findStraggler(ranksAt(100, 100, 100, 100), [band('time/allreduce_s', [3, 0.1], 0.9, [0, 1])]);
    expect(found).toMatchObject({ kind: 'waits', rank: 3, key: 'time/allreduce_s' });
    expect(stragglerWords(found).why).toContain('it waits least');
  });

  it('names the slowest by its steps only where the ranks do not wait for each other', () => {
    expect(findStraggler(ranksAt(100, 100, 240, 101), [])).toEqual({ kind: 'steps', rank: 2, value: 240, median: 101 });
    const together = findStraggler(ranksAt(100, 101, 100, 99), []);
    expect(together).toMatchObject({ kind: 'nobody', lockstep: true });
    expect(stragglerWords(together).why).toContain('can’t name a straggler');
    expect(stragglerWords(findStraggler(ranksAt(null, null), [])).title).toBe('No pace yet');
  });

  it('does not name a rank that is at the end only now and then', () => {
    const changing = band('compute_ms', [0, 29], 30, [2, 90]);
    const found = findStraggler(ranksAt(100, 100, 100, 100), [
      { ...changing, maxRank: changing.maxRank.map((_, i) => i % 3) },
    ]);
    expect(found.kind).toBe('nobody');
  });
});

describe('tellingKeys', () => {
  it('are times of what a rank does alone or waits for', () => {
    const keys = [
      'loss',
      'compute_ms',
      'timing/dataLoad_time',
      'step_ms',
      'samples_per_s',
      'io_ops',
      'all_reduce_ms',
      'lr',
    ];
    expect(tellingKeys(keys)).toEqual(['compute_ms', 'timing/dataLoad_time', 'all_reduce_ms']);
  });
});

import { describe, expect, it } from 'vitest';
import type { WriterRow } from '../run-table.js';
import { rankStates, silentAfterMs, type Pace, type RankHealth } from './rank-health.js';

const now = 1_000_000;
const writer = (rank: number, more: Partial<WriterRow> = {}): WriterRow => ({
  writer: `w${rank}`,
  attempt: 1,
  rank,
  host: `node-${rank}`,
  topics: [],
  lastStep: null,
  lastSeenAt: now,
  state: 'running',
  ...more,
});
const pace = (rank: number, lastStep: number, stepMs: number | null = 100): Pace => ({ rank, lastStep, stepMs });
const run = (...numbers: number[]) => ({ attempts: numbers.map((number) => ({ number })) }) as never;
const states = (writers: readonly WriterRow[], paces: readonly Pace[] = []) =>
  rankStates(run(1, 2, 3), writers, paces, now).map(({ rank, state }) => [rank, state]);

describe('rank health', () => {
  const even = [0, 1, 2].map((rank) => pace(rank, 1_000));
  const cases: [string, Partial<WriterRow>, Pace, RankHealth][] = [
    ['as fast as the others', {}, pace(3, 1_000), 'OK'],
    ['whose steps take a little longer', {}, pace(3, 1_000, 150), 'OK'],
    ['whose steps take more than half as long again', {}, pace(3, 1_000, 151), 'SLOW'],
    ['that is behind by a twentieth', {}, pace(3, 950), 'OK'],
    ['that is behind by more', {}, pace(3, 949), 'SLOW'],
    ['with one step and no pace yet', {}, pace(3, 1_000, null), 'OK'],
    ['silent for three heartbeats', { lastSeenAt: now - silentAfterMs }, pace(3, 1_000), 'OK'],
    ['silent for longer', { lastSeenAt: now - silentAfterMs - 1 }, pace(3, 1_000), 'SILENT'],
    ['silent and slow', { lastSeenAt: 0 }, pace(3, 1), 'SILENT'],
    ['that ended well, however slow', { state: 'finished', lastSeenAt: 0 }, pace(3, 1), 'FINISHED'],
    ['that failed', { state: 'failed' }, pace(3, 1_000), 'FAILED'],
    ['that was killed', { state: 'killed' }, pace(3, 1_000), 'FAILED'],
  ];
  it.each(cases)('of a rank %s', (_, more, its, expected) => {
    const writers = [...[0, 1, 2].map((rank) => writer(rank)), writer(3, more)];
    expect(states(writers, [...even, its]).at(-1)).toEqual([3, expected]);
  });

  it('counts a few steps behind as no lag while the job is young', () => {
    const writers = [writer(0), writer(1)];
    expect(states(writers, [pace(0, 10), pace(1, 1)])[1]).toEqual([1, 'OK']);
    expect(states(writers, [pace(0, 11), pace(1, 1)])[1]).toEqual([1, 'SLOW']);
  });

  it('takes the median of the ranks that run: those that ended slow down nobody', () => {
    const ended = [2, 3, 4].map((rank) => writer(rank, { state: 'finished' }));
    const paces = [pace(0, 100, 100), pace(1, 100, 160), ...[2, 3, 4].map((rank) => pace(rank, 100, 10))];
    expect(states([writer(0), writer(1), ...ended], paces).slice(0, 2)).toEqual([
      [0, 'OK'],
      [1, 'OK'],
    ]);
  });

  it('shows the newest writer of each rank, in the order of the training and then of its last sign of life', () => {
    const writers = [
      writer(1, { writer: 'old', attempt: 3 }),
      writer(1, { writer: 'earlier', attempt: 2, lastSeenAt: now - 5 }),
      writer(1, { writer: 'newest', attempt: 2, lastStep: 7 }),
      writer(0, { host: '' }),
    ];
    expect(rankStates(run(1, 3, 2), writers, [], now)).toMatchObject([
      { rank: 0, host: null, lastStep: null, lag: null, stepMs: null },
      { rank: 1, writer: 'newest', attempt: 2, lastStep: 7, lag: 0 },
    ]);
  });

  it('of nobody is nothing', () => expect(states([])).toEqual([]));
});

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

  it('takes the middle pace of an odd number of ranks, the mean of the middle two of an even one', () => {
    const stateOf = (first: number, ...others: number[]) =>
      states([first, ...others].map((_, rank) => writer(rank)), [first, ...others].map((ms, rank) => pace(rank, 9, ms)))[0]![1]; // prettier-ignore
    // a median of 20: slow above 30, whatever the order
    for (const others of [[1, 20, 90, 10], [90, 10, 1, 20], [10, 90, 20, 1]]) {
      expect([stateOf(30, ...others), stateOf(31, ...others)]).toEqual(['OK', 'SLOW']);
    } // prettier-ignore
    // in between 10 and 20: slow above 22.5
    expect([stateOf(22, 20, 10, 5), stateOf(23, 20, 10, 5)]).toEqual(['OK', 'SLOW']);
    expect([stateOf(100, 200), stateOf(400, 100)]).toEqual(['OK', 'SLOW']);
  });

  it('knows no lag and no pace where nobody has told a step', () => {
    expect(rankStates(run(1), [writer(0), writer(1)], [], now)).toMatchObject([
      { host: 'node-0', lastStep: null, lag: null, stepMs: null, state: 'OK' },
      { host: 'node-1', lastStep: null, lag: null, stepMs: null, state: 'OK' },
    ]);
    // one that is silent about steps is not behind those that tell theirs, below zero too
    expect(states([writer(0), writer(1)], [pace(0, 500)])).toEqual([
      [0, 'OK'],
      [1, 'OK'],
    ]);
    expect(states([writer(0), writer(1)], [pace(0, -500), pace(1, -510)])[1]).toEqual([1, 'OK']);
    expect(states([writer(0), writer(1)], [pace(0, -100), pace(1, -110)])[1]).toEqual([1, 'SLOW']);
  });

  it('takes an attempt that the run does not know yet for older than those that it knows', () => {
    const unknown = writer(0, { writer: 'unknown', attempt: 9, lastSeenAt: now + 5 });
    const known = writer(0, { writer: 'known', attempt: 1 });
    for (const both of [[unknown, known], [known, unknown]])
      expect(rankStates(run(1), both, [], now)).toMatchObject([{ writer: 'known' }]); // prettier-ignore
    // of two that it does not know the first stays
    const other = writer(0, { writer: 'other', attempt: 8, lastSeenAt: now + 9 });
    expect(rankStates(run(1), [unknown, other], [], now)).toMatchObject([{ writer: 'unknown' }]);
  });

  it('shows of two writers of one attempt the one that was heard last, of equals the first', () => {
    const [early, late] = [writer(0, { writer: 'early', lastSeenAt: now - 9 }), writer(0, { writer: 'late' })];
    for (const both of [[early, late], [late, early]])
      expect(rankStates(run(1), both, [], now)).toMatchObject([{ writer: 'late' }]); // prettier-ignore
    expect(rankStates(run(1), [late, writer(0, { writer: 'twin' })], [], now)).toMatchObject([{ writer: 'late' }]);
  });

  it('of nobody is nothing', () => expect(states([])).toEqual([]));
});

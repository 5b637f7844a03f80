import { describe, expect, it } from 'vitest';
import type { CompletenessFragment, LineFragment, RankStateFragment } from '../generated/questions.js';
import { completenessSentence } from './completeness-words.js';
import { LineLog } from './line-log.js';
import { countStates, nameRanks, sortRanks } from './rank-order.js';

const settled: CompletenessFragment = {
  complete: true,
  ranksExpected: 8,
  ranksHeard: 8,
  writers: 8,
  writersFinished: 8,
  batchesReceived: 1200,
  batchesMissing: 0,
  gaps: [],
};

describe('completenessSentence', () => {
  it('says that all arrived only when the server says complete', () => {
    expect(completenessSentence(settled)).toEqual({ tone: 'ok', text: 'All 1,200 batches of 8 writers arrived.' });
    const open = completenessSentence({ ...settled, complete: false, writersFinished: 6 });
    expect(open.tone).toBe('live');
    expect(open.text).toContain('2 writers not finished yet');
  });
  it('says what is missing before anything else', () => {
    const unheard = completenessSentence({ ...settled, complete: false, ranksHeard: 1 });
    expect(unheard).toMatchObject({ tone: 'warn', text: expect.stringMatching(/^7 ranks were never heard: 1 of 8/) });
    const missing = completenessSentence({ ...settled, complete: false, batchesMissing: 3 });
    expect(missing).toEqual({ tone: 'warn', text: '3 batches are missing: 1,200 of 1,203 from 8 writers arrived.' });
  });
});

function rank(n: number, state: RankStateFragment['state'], lastStep: number | null): RankStateFragment {
  return { rank: n, attempt: 1, host: null, lastStep, lastSeenAt: null, lag: 0, stepMs: null, state };
}

describe('ranks', () => {
  const ranks = [rank(0, 'OK', 10), rank(1, 'SILENT', 5), rank(2, 'SLOW', null)];
  it('sort by urgency and by number, absent values first, ties by rank', () => {
    expect(sortRanks(ranks, { by: 'state', descending: false }).map((r) => r.rank)).toEqual([1, 2, 0]);
    expect(sortRanks(ranks, { by: 'lastStep', descending: true }).map((r) => r.rank)).toEqual([0, 1, 2]);
  });
  it('are counted by state and named', () => {
    expect(countStates(ranks)).toEqual([
      ['SILENT', 1],
      ['SLOW', 1],
      ['OK', 1],
    ]);
    expect(nameRanks([5, 3])).toBe('ranks 3 and 5');
    expect(nameRanks([1, 2, 3, 4], 2)).toBe('ranks 1, 2 and 2 more');
  });
});

function line(number: number, time: number): LineFragment {
  return { rank: 0, attempt: 1, writer: 'w', number, stream: 'stdout', time, text: `line ${number}` };
}

describe('LineLog', () => {
  it('shows a line once, in order of time, however it comes', () => {
    const log = new LineLog(10);
    log.add([line(2, 20), line(3, 30)]);
    log.add([line(1, 10), line(2, 20)]);
    expect(log.lines().map((l) => l.number)).toEqual([1, 2, 3]);
  });
  it('keeps the newest lines only', () => {
    const log = new LineLog(3);
    for (let n = 0; n < 10; n += 1) log.add([line(n, n)]);
    expect(log.lines().map((l) => l.number)).toEqual([7, 8, 9]);
  });
});

import { describe, expect, it } from 'vitest';
import type { WriterRow } from '../run-table.js';
import { completeness } from './completeness.js';

const writer = (rank: number, attempt = 1, state: WriterRow['state'] = 'finished'): WriterRow => ({
  writer: `w${attempt}-${rank}`,
  attempt,
  rank,
  host: '',
  topics: [{ topic: 'telemetry', contiguousSeq: 3, maxSeq: 3, lastSeq: 3, gaps: [] }],
  lastStep: 1,
  lastSeenAt: 1,
  state,
});
const run = (...worldSizes: number[]) => ({
  attempts: worldSizes.map((worldSize, index) => ({ number: index + 1, worldSize })),
});
const asked = (of: ReturnType<typeof run>, writers: readonly WriterRow[]) => completeness(of as never, writers);

describe('completeness', () => {
  it('is not complete while ranks were never heard, and says how many', () => {
    expect(asked(run(8), [writer(0)])).toMatchObject({
      complete: false,
      ranksExpected: 8,
      ranksHeard: 1,
      batchesMissing: 0,
    });
    expect(asked(run(2), [writer(0), writer(1)])).toMatchObject({ complete: true, ranksExpected: 2, ranksHeard: 2 });
  });

  it('counts a rank once, however many processes it has', () => {
    expect(asked(run(2), [writer(0), { ...writer(0), writer: 'child' }])).toMatchObject({
      complete: false,
      ranksHeard: 1,
    });
  });

  it('asks the newest attempt alone', () => {
    expect(asked(run(8, 1), [writer(3, 1, 'running'), writer(0, 2)])).toMatchObject({
      complete: true,
      ranksExpected: 1,
    });
  });

  it('hears no rank in an attempt that only an older one had', () => {
    expect(asked(run(2, 2), [writer(0, 1), writer(1, 1), writer(0, 2)])).toMatchObject({
      complete: false,
      ranksExpected: 2,
      ranksHeard: 1,
    });
  });

  it('takes the attempt that is last in the training for the newest, not the one with the highest number', () => {
    const late = { attempts: [{ number: 2, worldSize: 4 }, { number: 1, worldSize: 1 }] }; // prettier-ignore
    expect(asked(late, [writer(0, 1), writer(3, 2, 'running')])).toMatchObject({ complete: true, ranksExpected: 1 });
    expect(asked(late, [writer(0, 1, 'running'), writer(3, 2)])).toMatchObject({ complete: false, ranksExpected: 1 });
  });

  it('asks the writers of the last attempt heard when the run itself knows none of them', () => {
    expect(asked(run(), [writer(0, 1, 'running'), writer(0, 2)])).toMatchObject({ complete: true, ranksExpected: 0 });
    expect(asked(run(), [writer(0, 1), writer(0, 2, 'running')])).toMatchObject({ complete: false, ranksHeard: 1 });
    expect(asked(run(4), [writer(0, 7)])).toMatchObject({ complete: true, ranksExpected: 0, ranksHeard: 1 });
  });

  it('of a run that nobody has written to is not there yet', () => {
    expect(asked(run(1), [])).toEqual({
      complete: false,
      ranksExpected: 0,
      ranksHeard: 0,
      writers: 0,
      writersFinished: 0,
      batchesReceived: 0,
      batchesMissing: 0,
      gaps: [],
    });
  });

  it('waits for the writers of the newest attempt to end, in whatever way', () => {
    for (const state of ['finished', 'failed', 'killed'] as const)
      expect(asked(run(2), [writer(0, 1, state), writer(1)])).toMatchObject({ complete: true, writersFinished: 2 });
    expect(asked(run(2), [writer(0, 1, 'running'), writer(1)])).toMatchObject({ complete: false, writersFinished: 1 });
    expect(asked(run(2), [writer(0), writer(1, 1, 'running')])).toMatchObject({ complete: false, writersFinished: 1 });
  });

  it('counts what came and what is missing to the batch, up to the last one that the writer said it has sent', () => {
    const telemetry = { topic: 'telemetry', contiguousSeq: 2, maxSeq: 9, lastSeq: 12, gaps: [[3, 4], [7, 7]] } as const; // prettier-ignore
    const runs = { topic: 'runs', contiguousSeq: 3, maxSeq: 3, lastSeq: null, gaps: [] } as const;
    const writers: WriterRow[] = [{ ...writer(0), topics: [telemetry, runs] }, writer(1)];
    const of = { writer: 'w1-0', rank: 0, attempt: 1, topic: 'telemetry' };
    expect(asked(run(2), writers)).toMatchObject({
      complete: false,
      batchesReceived: 12,
      batchesMissing: 6,
      gaps: [
        { ...of, fromSeq: 3, toSeq: 4 },
        { ...of, fromSeq: 7, toSeq: 7 },
        { ...of, fromSeq: 10, toSeq: 12 },
      ],
    });
    // one that says less than it has sent misses nothing
    const early = { ...telemetry, maxSeq: 9, lastSeq: 5, gaps: [] };
    expect(asked(run(1), [{ ...writer(0), topics: [early] }])).toMatchObject({ complete: true, batchesReceived: 9 });
  });

  it('lists a thousand gaps and counts them all', () => {
    const gaps = Array.from({ length: 1_200 }, (_, i) => [2 * i + 1, 2 * i + 1] as const);
    const topics = [{ topic: 'telemetry', contiguousSeq: 0, maxSeq: 2_400, lastSeq: null, gaps }] as const;
    const answer = asked(run(1), [{ ...writer(0), topics }]);
    expect([answer.gaps.length, answer.batchesMissing, answer.batchesReceived]).toEqual([1_000, 1_200, 1_200]);
    expect(answer.gaps.at(-1)).toMatchObject({ fromSeq: 1_999 });
  });
});

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

  it('takes the attempt that is last in the training for the newest, not the one with the highest number', () => {
    const late = { attempts: [{ number: 2, worldSize: 4 }, { number: 1, worldSize: 1 }] }; // prettier-ignore
    expect(asked(late, [writer(0, 1), writer(3, 2, 'running')])).toMatchObject({ complete: true, ranksExpected: 1 });
    expect(asked(late, [writer(0, 1, 'running'), writer(3, 2)])).toMatchObject({ complete: false, ranksExpected: 1 });
  });
});

import { describe, expect, it } from 'vitest';
import { by, head } from '../test/events-of-writers.js';
import { seenIdsKeptMs, SeqLedger, type SeqRow } from './seq-ledger.js';

const row = (run: string, more: Partial<SeqRow> = {}): SeqRow => ({
  run,
  attempt: 1,
  writer: 'w',
  rank: 3,
  seen: { contiguous: 2, above: [[5, 5]] },
  first_step: 10,
  last_step: 20,
  last_seen: 50,
  ...more,
});

describe('the ledger of sequence numbers', () => {
  it('takes each number of a writer once, and knows writers apart by run, attempt and id', () => {
    const ledger = new SeqLedger();
    expect(ledger.take(by('r', 1), 1, 5)).toBe(true);
    expect(ledger.take(by('r', 1), 1, 5)).toBe(false);
    expect(ledger.take(by('r', 2), 1, 5)).toBe(true);
    expect(ledger.take(by('s', 1), 1, 5)).toBe(true);
    expect(ledger.take(by('r', 1), 2, 5)).toBe(true);
    expect(ledger.take(by('r', 1, 'v'), 1, 5)).toBe(true);
    expect(ledger.take(by('r', 1), 2, 5)).toBe(false);
    expect(ledger.changed().rows).toMatchObject([
      { run: 'r', attempt: 1, writer: 'w', rank: 0, seen: { contiguous: 2, above: [] }, last_seen: 5 },
      { run: 's', attempt: 1, writer: 'w', seen: { contiguous: 1 } },
      { run: 'r', attempt: 2, writer: 'w', seen: { contiguous: 1 } },
      { run: 'r', attempt: 1, writer: 'v', seen: { contiguous: 1 } },
    ]);
  });

  it('knows an event without a writer by its id, for a week to the millisecond', () => {
    const at = 1_000;
    const ledger = new SeqLedger([], [{ id: 'known', appendedAt: at }]);
    expect(seenIdsKeptMs).toBe(604_800_000);
    expect(ledger.take(head('r', null, 'known'), 1, at + 1)).toBe(false);
    expect(ledger.take(head('r', null, 'a'), 1, at)).toBe(true);
    expect(ledger.take(head('r', null, 'b'), 1, at)).toBe(true);
    expect(ledger.take(head('r', null, 'a'), 1, at + seenIdsKeptMs)).toBe(false);
    expect(ledger.take(head('r', null, 'a'), 1, at + seenIdsKeptMs + 1)).toBe(true);
    // from then on the week begins anew
    expect(ledger.take(head('r', null, 'a'), 1, at + seenIdsKeptMs + 2)).toBe(false);
    expect(ledger.changed()).toEqual({
      rows: [],
      ids: [
        { id: 'a', appendedAt: at + seenIdsKeptMs + 1 },
        { id: 'b', appendedAt: at },
      ],
    });
  });

  it('goes on where the one before has ended: numbers with their gaps, lowest rank, newest sign of life, first and last step', () => {
    const ledger = new SeqLedger([row('r')]);
    for (const seq of [1, 2, 5]) expect(ledger.take(by('r', seq), 1, 60)).toBe(false);
    expect(ledger.changed().rows).toEqual([]);
    expect(ledger.take(by('r', 3, 'w', 2), 1, 40)).toBe(true);
    ledger.steps(by('r', 3), 1, 15, 18);
    const kept = row('r', { rank: 2, seen: { contiguous: 3, above: [[5, 5]] } });
    expect(ledger.changed().rows).toEqual([kept]);
    expect(ledger.take(by('r', 4, 'w', 7), 1, 70)).toBe(true);
    ledger.steps(by('r', 4), 1, 5, 30);
    expect(ledger.changed().rows).toEqual([
      { ...kept, seen: { contiguous: 5, above: [] }, first_step: 5, last_step: 30, last_seen: 70 },
    ]);
  });

  it('has no steps of what carries none, nor of somebody who has no writer or has numbered nothing', () => {
    const ledger = new SeqLedger();
    ledger.take(by('r', 1), 1, 5);
    ledger.steps(head('r', null), 1, 1, 2);
    ledger.steps(by('r', 1), 2, 1, 2);
    expect(ledger.changed().rows).toMatchObject([{ first_step: null, last_step: null }]);
    ledger.steps(by('r', 1), 1, -3, -2);
    expect(ledger.changed().rows).toMatchObject([{ first_step: -3, last_step: -2 }]);
  });

  it('changes only what it has taken: of the others somebody else may know more by now', () => {
    const ledger = new SeqLedger([row('r'), row('s')], [{ id: 'old', appendedAt: 1 }]);
    ledger.take(by('s', 9), 1, 60);
    expect(ledger.changed()).toEqual({
      rows: [row('s', { rank: 0, seen: { contiguous: 2, above: [[5, 5], [9, 9]] }, last_seen: 60 })], // prettier-ignore
      ids: [],
    });
  });
});

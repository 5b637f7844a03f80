import { describe, expect, it } from 'vitest';
import type { FoldVerdict } from '#libs/domain/run-fold-verdict.js';
import type { Verdict } from './run-table.js';
import { VerdictBoard } from './verdict-board.js';

const yes: FoldVerdict = { accepted: true, attempt: 3 };
const published = (id: string, verdict: FoldVerdict = yes) => new Map([[id, { verdict }]]);
const nothingStored = (): Promise<null> => Promise.resolve(null);

describe('the verdict board', () => {
  it('tells who waits what is published, long before it would look again', async () => {
    const board = new VerdictBoard();
    const waiting = board.wait('a', nothingStored, { timeoutMs: 30_000, lookEveryMs: 30_000 });
    await Promise.resolve();
    board.publish(published('b'));
    board.publish(published('a'));
    expect(await waiting).toEqual(yes);
  });

  it('finds the stored verdict when it was published before anybody waited', async () => {
    const board = new VerdictBoard();
    board.publish(published('a'));
    const stored: Verdict = { accepted: true, attempt: 1 };
    expect(await board.wait('a', () => Promise.resolve(stored), { timeoutMs: 30_000 })).toBe(stored);
  });

  it('keeps what is published while it is still looking', async () => {
    const board = new VerdictBoard();
    let answer: (verdict: null) => void = () => undefined;
    const waiting = board.wait('a', () => new Promise<null>((resolve) => (answer = resolve)), {
      timeoutMs: 30_000,
      lookEveryMs: 30_000,
    });
    board.publish(published('a'));
    answer(null);
    expect(await waiting).toEqual(yes);
  });

  it('looks again, for another process may have folded the event', async () => {
    const board = new VerdictBoard();
    let looks = 0;
    const look = (): Promise<Verdict | null> => Promise.resolve(++looks < 4 ? null : { accepted: true, attempt: 9 });
    expect(await board.wait('a', look, { timeoutMs: 30_000, lookEveryMs: 2 })).toEqual({ accepted: true, attempt: 9 });
    expect(looks).toBe(4);
  });

  it('looks at once when it hears that another process has stored the verdict, and goes on waiting when it was early', async () => {
    const board = new VerdictBoard();
    let stored: Verdict | null = null;
    let looks = 0;
    const look = (): Promise<Verdict | null> => Promise.resolve((looks++, stored));
    const waiting = board.wait('a', look, { timeoutMs: 30_000, lookEveryMs: 30_000 });
    await expect.poll(() => looks).toBe(1);
    board.nudge(['b', 'a']);
    await expect.poll(() => looks).toBe(2);
    stored = { accepted: true, attempt: 4 };
    board.nudge(['a']);
    expect(await waiting).toEqual({ accepted: true, attempt: 4 });
  });

  it('gives null after the time-out, having looked once more', async () => {
    const board = new VerdictBoard();
    let looks = 0;
    const look = (): Promise<null> => Promise.resolve((looks++, null));
    expect(await board.wait('a', look, { timeoutMs: 20, lookEveryMs: 30_000 })).toBeNull();
    expect(looks).toBe(2);
  });

  it('tells all who wait for the same id, and who has left hears nothing', async () => {
    const board = new VerdictBoard();
    const gone = board.wait('a', nothingStored, { timeoutMs: 10, lookEveryMs: 30_000 });
    const waiting = [1, 2].map(() => board.wait('a', nothingStored, { timeoutMs: 30_000, lookEveryMs: 30_000 }));
    expect(await gone).toBeNull();
    board.publish(published('a', { accepted: false, code: 'NOT_FOUND', message: 'no', field: 'id' }));
    for (const verdict of await Promise.all(waiting))
      expect(verdict).toMatchObject({
        accepted: false,
        rejection: { name: 'Rejection', code: 'NOT_FOUND', message: 'no', field: 'id' },
      });
  });

  it('passes on that looking failed', async () => {
    const board = new VerdictBoard();
    const look = (): Promise<null> => Promise.reject(new Error('the store is down'));
    await expect(board.wait('a', look, { timeoutMs: 1_000 })).rejects.toThrow('the store is down');
  });
});

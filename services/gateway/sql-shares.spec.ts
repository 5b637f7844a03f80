import { describe, expect, it } from 'vitest';
import { SqlShares } from './sql-shares.js';

const nobodyLeaves = new AbortController().signal;

describe('shares of SQL', () => {
  it('leave a place for everybody else, however many one caller asks for', async () => {
    const shares = new SqlShares();
    const ends = [await shares.enter('a', nobodyLeaves), await shares.enter('a', nobodyLeaves)];
    const order: string[] = [];
    const waiting = ['a', 'a'].map(async (name) => {
      const end = await shares.enter(name, nobodyLeaves);
      order.push(name);
      return end;
    });
    const others = [await shares.enter('b', nobodyLeaves), await shares.enter('c', nobodyLeaves)];
    const late = shares.enter('d', nobodyLeaves).then((end) => (order.push('d'), end));
    // d came last and has nothing running: it is before the second of a
    others[0]!();
    others[0]!();
    (await late)();
    ends[0]!();
    (await waiting[0]!)();
    (await waiting[1]!)();
    expect(order).toEqual(['d', 'a', 'a']);
  });

  it('refuse who has too many waiting, and forget who leaves', async () => {
    const shares = new SqlShares();
    const ends = [await shares.enter('a', nobodyLeaves), await shares.enter('a', nobodyLeaves)];
    const leaving = new AbortController();
    const waiting = Array.from({ length: 16 }, () =>
      shares.enter('a', leaving.signal).catch((error: unknown) => (error as Error).name),
    );
    await expect(shares.enter('a', nobodyLeaves)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    leaving.abort();
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 16 }, () => 'AbortError'));
    for (const end of ends) end();
    (await shares.enter('a', nobodyLeaves))();
  });
});

import { afterEach, describe, expect, it, vi } from 'vitest';
import { SqlShares } from './sql-shares.js';

const nobodyLeaves = new AbortController().signal;

describe('shares of SQL', () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  /** Whether somebody has entered by now. */
  const inside = async (entering: Promise<unknown>): Promise<boolean> => {
    let entered = false;
    void entering.then(() => (entered = true));
    await new Promise((resolve) => setImmediate(resolve));
    return entered;
  };

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

  it('run four at once in all and two of one caller, and each that ends lets in one', async () => {
    const shares = new SqlShares();
    const ends = [];
    for (const caller of ['a', 'a', 'b', 'c']) ends.push(await shares.enter(caller, nobodyLeaves));
    const fifth = shares.enter('d', nobodyLeaves);
    const own = shares.enter('a', nobodyLeaves);
    expect(await inside(fifth)).toBe(false);
    ends[2]!();
    expect([await inside(fifth), await inside(own)]).toEqual([true, false]);
    // said twice it has ended once
    ends[2]!();
    const sixth = shares.enter('e', nobodyLeaves);
    expect(await inside(sixth)).toBe(false);
    ends[0]!();
    expect([await inside(sixth), await inside(own)]).toEqual([true, false]);
    ends[1]!();
    expect(await inside(own)).toBe(true);
  });

  it('let in who has the least running, and of equals who came first', async () => {
    const shares = new SqlShares();
    const end: Record<string, () => void> = {};
    for (const name of ['a', 'b', 'x', 'y']) end[name] = await shares.enter(name, nobodyLeaves);
    const order: string[] = [];
    const waiting = ['a', 'c', 'b', 'd'].map((name) =>
      shares.enter(name, nobodyLeaves).then((ended) => (order.push(name), (end[`${name}2`] = ended))),
    );
    for (const name of ['x', 'y', 'c2', 'd2']) {
      end[name]!();
      await inside(Promise.resolve());
    }
    await Promise.all(waiting);
    expect(order).toEqual(['c', 'd', 'a', 'b']);
  });

  it('keep nobody waiting for more than a quarter of a minute, and say so', async () => {
    vi.useFakeTimers();
    const shares = new SqlShares();
    const ends = [await shares.enter('a', nobodyLeaves), await shares.enter('a', nobodyLeaves)];
    const late = shares.enter('a', nobodyLeaves).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(14_999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await late).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: 'query: no place was free for 15 s; at most 2 run at once for one caller; try again in a moment',
    });
    // its place in the queue is gone with it
    for (const end of ends) end();
    const again = [await shares.enter('a', nobodyLeaves), await shares.enter('a', nobodyLeaves)];
    expect(again).toHaveLength(2);
  });

  it('disturb nobody who has entered, by the time or by who leaves', async () => {
    vi.useFakeTimers();
    const shares = new SqlShares();
    const end = await shares.enter('a', nobodyLeaves);
    await shares.enter('a', nobodyLeaves);
    const leaving = new AbortController();
    const waited = shares.enter('a', leaving.signal);
    end();
    const ended = await waited;
    expect(vi.getTimerCount()).toBe(0);
    const next = shares.enter('a', nobodyLeaves);
    leaving.abort();
    ended();
    (await next)();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('do not let in who has left before it could wait', async () => {
    const shares = new SqlShares();
    const ends = [await shares.enter('a', nobodyLeaves), await shares.enter('a', nobodyLeaves)];
    await expect(shares.enter('a', AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    ends[0]!();
    (await shares.enter('a', nobodyLeaves))();
  });

  it('count those who wait for each caller by itself', async () => {
    const shares = new SqlShares();
    for (const caller of ['a', 'a', 'b', 'b']) await shares.enter(caller, nobodyLeaves);
    for (let count = 0; count < 16; count++) void shares.enter('a', nobodyLeaves);
    void shares.enter('b', nobodyLeaves);
    await expect(shares.enter('a', nobodyLeaves)).rejects.toMatchObject({
      message: expect.stringContaining('2 of your queries run and 16 wait') as string,
    });
  });
});

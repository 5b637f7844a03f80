import { describe, expect, it } from 'vitest';
import { ancestorsMax, ancestorsOf } from './ancestors.js';

interface Run {
  readonly id: string;
  readonly startedAt: number;
  readonly forkOf: { readonly run: string; readonly attempt: number | null; readonly step: number | null } | null;
}
const run = (
  id: string,
  startedAt: number,
  of?: string,
  step: number | null = null,
  attempt: number | null = 1,
): Run => ({
  id,
  startedAt,
  forkOf: of === undefined ? null : { run: of, attempt, step },
});
const of = (child: Run, ...others: Run[]) =>
  ancestorsOf(child as never, (id) => Promise.resolve((others.find((one) => one.id === id) ?? null) as never));

describe('ancestors', () => {
  it('of a run that is no fork are none, nor of one whose parent is not there', async () => {
    expect(await of(run('a', 1))).toEqual([]);
    expect(await of(run('b', 2, 'gone', 5))).toEqual([]);
  });

  it('come oldest first, each with the attempt that was forked', async () => {
    expect(await of(run('c', 30, 'b', 20, 2), run('b', 20, 'a', 10, 3), run('a', 10))).toEqual([
      { run: 'a', attempt: 3, step: 10, forkedAt: 20 },
      { run: 'b', attempt: 2, step: 20, forkedAt: 30 },
    ]);
  });

  it('give a fork no more of its grandparents than its parent had when it was forked, in steps and in time', async () => {
    expect(await of(run('c', 15, 'b', 5), run('b', 20, 'a', 10), run('a', 10))).toEqual([
      { run: 'a', attempt: 1, step: 5, forkedAt: 15 },
      { run: 'b', attempt: 1, step: 5, forkedAt: 15 },
    ]);
    const whole = await of(run('c', 30, 'b'), run('b', 20, 'a', 10), run('a', 10));
    expect(whole.map(({ step }) => step)).toEqual([10, null]);
  });

  it('end at a deleted run, in a circle, and after so many', async () => {
    expect((await of(run('c', 3, 'b'), run('b', 2, 'a'))).map(({ run: id }) => id)).toEqual(['b']);
    expect((await of(run('b', 2, 'a'), run('a', 1, 'b'))).map(({ run: id }) => id)).toEqual(['a']);
    expect(await of(run('a', 1, 'a'), run('a', 1))).toEqual([]);
    const chain = Array.from({ length: 100 }, (_, i) => run(`r${i}`, i, i === 0 ? undefined : `r${i - 1}`));
    expect(await of(chain.at(-1)!, ...chain)).toHaveLength(ancestorsMax);
  });
});

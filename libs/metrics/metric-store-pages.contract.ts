import { expect, it } from 'vitest';
import type { MetricStoreUnderTest } from './metric-store.contract.js';
import { points, range, started, startMs } from './test/event-batches.js';

type Under = () => MetricStoreUnderTest;
const list = (column: ArrayLike<number>): number[] => Array.from(column);

export function describePages(under: Under): void {
  it('pages through points by cursor, in order of step', async () => {
    await under().write(
      range(0, 3).map((rank) =>
        points({
          run: 'paged',
          seq: 1,
          rank,
          steps: range(0, 2_000),
          values: { loss: range(0, 2_000).map((step) => step * 10 + rank) },
        }),
      ),
    );
    const seen: number[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < 20; pages++) {
      const page = await under().store.points({ run: 'paged', key: 'loss', first: 997, after });
      seen.push(...page.value);
      after = page.endCursor ?? undefined;
      if (!page.hasNextPage) break;
    }
    expect(seen).toEqual(range(0, 2_000).flatMap((step) => [0, 1, 2].map((rank) => step * 10 + rank)));
    await expect(under().store.points({ run: 'paged', key: 'loss', first: 5, after: 'x' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('begins a live view with the newest points of each rank, in order of step', async () => {
    const steps = range(0, 300);
    const of = (rank: number) =>
      points({ run: 'newest', rank, seq: 1, steps, values: { loss: steps.map((step) => step * 10 + rank) } });
    await under().write([started('newest'), of(0), of(1)]);
    const found = await under().store.latestPoints({ run: 'newest', keys: ['loss', 'nothing'], pointsMax: 20 });
    expect(found.map(({ key, rank }) => [key, rank])).toEqual([
      ['loss', 0],
      ['loss', 1],
    ]);
    for (const { rank, step, value, time } of found) {
      expect(list(step)).toEqual(range(280, 300));
      expect(list(value)).toEqual(range(280, 300).map((at) => at * 10 + rank));
      expect(time.every((at) => at >= startMs)).toBe(true);
    }
    const one = await under().store.latestPoints({ run: 'newest', keys: ['loss'], ranks: [1], pointsMax: 1 });
    expect(one.map(({ rank, value }) => [rank, ...value])).toEqual([[1, 2_991]]);
  });

  it('names the keys of a run without the hidden ones', async () => {
    await under().write([
      started('named'),
      points({ run: 'named', seq: 1, steps: [0], values: { 'val/Loss': [1], "it's": [1], acc: [1] } }),
    ]);
    expect(await under().store.keys('named', undefined, 10)).toEqual(['acc', "it's", 'val/Loss']);
    expect(await under().store.keys('named', undefined, 2, 'acc')).toEqual(["it's", 'val/Loss']);
    expect(await under().store.keys('named', 'loss', 10)).toEqual(['val/Loss']);
    expect(await under().store.keys('nobody', undefined, 10)).toEqual([]);
  });

  it('pages through console lines backwards', async () => {
    const line = (number: number): EventLine => ({
      number,
      stream: 'stdout',
      timeMs: startMs + Math.floor(number / 2),
      text: `Line ${number}`,
    });
    const event = {
      name: 'LinesLogged',
      subject: 'lines',
      writer: { id: 'w.0', attempt: 1, rank: 0, seq: 1 },
      data: { lines: range(1, 11).map(line) },
    } as const;
    await under().write([event]);
    const newest = await under().store.lines({ run: 'lines', last: 4 });
    expect(newest.lines.map(({ text }) => text)).toEqual(['Line 7', 'Line 8', 'Line 9', 'Line 10']);
    expect(newest.hasPreviousPage).toBe(true);
    const before = await under().store.lines({ run: 'lines', last: 100, before: newest.startCursor! });
    expect(before.lines.map(({ number }) => number)).toEqual(range(1, 7));
    expect(before.hasPreviousPage).toBe(false);
    const match = await under().store.lines({ run: 'lines', last: 10, match: 'LINE 1' });
    expect(match.lines.map(({ number }) => number)).toEqual([1, 10]);
  });
}

interface EventLine {
  number: number;
  stream: 'stdout' | 'stderr';
  timeMs: number;
  text: string;
}

import { expect, it } from 'vitest';
import type { MetricStoreUnderTest } from './metric-store.contract.js';
import { points, range, started, startMs } from './test/event-batches.js';

type Under = () => MetricStoreUnderTest;
const list = (column: ArrayLike<number>): number[] => Array.from(column);

/** That each question is answered for the attempt, rank, window and keys asked for, and for nothing beside them. */
export function describeScopes(under: Under): void {
  it('answers for the attempt and the window asked for', async () => {
    const steps = range(0, 10);
    const of = (attempt: number, from: number) =>
      points({
        run: 'scoped',
        seq: 1,
        attempt,
        startedAt: attempt,
        steps: range(from, 10),
        values: { loss: range(from, 10).map(() => attempt), acc: range(from, 10) },
      });
    await under().write([started('scoped', {}, 1), started('scoped', {}, 2), of(1, 0), of(2, 5)]);
    const { store } = under();
    const both = steps.map((step) => (step < 5 ? 1 : 2));
    const first = steps.map(() => 1);
    const page = { run: 'scoped', key: 'loss', first: 100 };
    const values = async (more: object) => list((await store.points({ ...page, ...more })).value);
    expect(await values({})).toEqual(both);
    expect([await values({ attempt: 1 }), await values({ attempt: 2 })]).toEqual([first, both.slice(5)]);
    expect(await values({ attemptMax: 1 })).toEqual(first);
    expect(await values({ to: 7 })).toEqual(both.slice(0, 7));
    const chart = { run: 'scoped', keys: ['loss'], x: 'step', buckets: 100 } as const;
    const lines = async (more: object) => (await store.series({ ...chart, ...more })).map(({ min }) => list(min));
    expect([await lines({}), await lines({ attemptMax: 1 })]).toEqual([[both], [first]]);
    expect(await lines({ from: 4, to: 6 })).toEqual([[1, 2]]);
    const band = async (more: object) => {
      const { x, max } = await store.band({ run: 'scoped', key: 'loss', buckets: 100, ...more });
      return [list(x), list(max)];
    };
    expect([await band({}), await band({ attemptMax: 1 })]).toEqual([
      [steps, both],
      [steps, first],
    ]);
    expect(await band({ from: 4, to: 6 })).toEqual([
      [4, 5],
      [1, 2],
    ]);
    const newest = await store.latestPoints({ run: 'scoped', keys: ['loss'], pointsMax: 100 });
    expect(newest.map(({ attempt, step }) => [attempt, list(step)])).toEqual([
      [1, range(0, 5)],
      [2, range(5, 10)],
    ]);
    expect((await store.ranks('scoped')).map(({ rank, attempt }) => [rank, attempt])).toEqual([[0, 2]]);
    const keyed = await store.series({ ...chart, keys: ['loss', 'none', 'acc'] });
    expect(keyed.map(({ key }) => key)).toEqual(['loss', 'acc']);
    expect((await store.series({ ...chart, keys: ['acc', 'loss'] })).map(({ key }) => key)).toEqual(['acc', 'loss']);
  });

  it('gives a history in the order of its times, a slice of it', async () => {
    const times = [40, 10, 30, 20].map((ms) => startMs + ms);
    await under().write([
      points({ run: 'history', seq: 1, steps: range(0, 4), times, values: { loss: [4, 1, 3, 2] } }),
    ]);
    const slice = async (offset: number, limit: number) => {
      const { step, value, time } = await under().store.history({ run: 'history', key: 'loss', offset, limit });
      return [list(step), list(value), list(time).map((ms) => ms - startMs)];
    };
    expect(await slice(0, 10)).toEqual([
      [1, 3, 2, 0],
      [1, 2, 3, 4],
      [10, 20, 30, 40],
    ]);
    expect(await slice(1, 2)).toEqual([
      [3, 2],
      [2, 3],
      [20, 30],
    ]);
    expect(await slice(4, 2)).toEqual([[], [], []]);
  });

  it('sums up all values of many series of many runs, as their histories have them', async () => {
    const steps = range(0, 6);
    const noisy = steps.map((step) => 1e9 + step / 4);
    const odd = [NaN, 1, Infinity, -2, 3, 4];
    const huge = steps.map((step) => (step % 2 === 0 ? 1.5e308 : 1.7e308));
    const nothing = steps.map(() => NaN);
    const again = (attempt: number, from: number, rewindTo?: number) =>
      points({
        ...{ run: 'sums-2', seq: 1, attempt, startedAt: attempt, steps: range(from, 6) },
        ...(rewindTo === undefined ? {} : { rewindTo }),
        values: { noisy: range(from, 6).map((step) => step * 10 + attempt) },
      });
    const first = points({ run: 'sums-1', seq: 1, steps, values: { noisy, odd, huge, nothing } });
    const two = [again(1, 0), again(2, 4)];
    const rewound = points({ run: 'sums-3', seq: 1, steps, values: { noisy } });
    await under().write([started('sums-1'), started('sums-2', {}, 1), started('sums-2', {}, 2), started('sums-3')]);
    await under().write([first, ...two, rewound]);
    // what came twice is there once
    await under().write([first, ...two]);
    const several = points({
      ...{ run: 'sums-3', seq: 2, steps: [5, 5, 5], everyValue: true, values: { noisy: [1, 2, 3] } },
    });
    await under().write([several]);
    const queries = [
      { run: 'sums-1', keys: ['odd', 'none', 'noisy', 'huge', 'nothing'] },
      { run: 'nobody', keys: ['noisy'] },
      { run: 'sums-2', keys: ['noisy'] },
      { run: 'sums-3', keys: ['noisy', 'odd'] },
    ];
    const found = await under().store.moments(queries);
    expect(found.map((each) => each.map(({ key }) => key))).toEqual([
      ['odd', 'noisy', 'huge', 'nothing'],
      [],
      ['noisy'],
      ['noisy'],
    ]);
    for (const [index, { run }] of queries.entries())
      for (const { key, ...told } of found[index]!) {
        const { value } = await under().store.history({ run, key, offset: 0, limit: 100 });
        const numbers = list(value).filter((one) => !Number.isNaN(one));
        expect(told).toMatchObject({
          count: value.length,
          min: numbers.length === 0 ? NaN : Math.min(...numbers),
          max: numbers.length === 0 ? NaN : Math.max(...numbers),
        });
      }
    const [odds, noisies, huges, nothings] = found[0]!;
    expect([odds!.mean, nothings!.mean, nothings!.deviation]).toEqual([NaN, NaN, NaN]);
    // a quarter of a step beside a thousand million, and a mean of numbers whose sum is none
    expect(noisies!.mean).toBe(1e9 + 0.625);
    expect(noisies!.deviation).toBeCloseTo(Math.sqrt(35 / 12) / 4, 7);
    expect(huges!.mean / 1.6e308).toBeCloseTo(1, 12);
    // of the steps that the second attempt wrote again only its own
    expect(found[2]![0]).toMatchObject({ count: 6, min: 1, max: 52 });
    expect(await under().store.moments([{ run: 'sums-1', keys: [] }])).toEqual([[]]);
  });

  it('gives the lines of the rank asked for, each once, however often they came', async () => {
    const said = (rank: number) =>
      ({
        name: 'LinesLogged',
        subject: 'ranked-lines',
        writer: { id: `w.${rank}`, attempt: 1, rank, seq: 1 },
        data: { lines: [{ number: 1, stream: 'stdout', timeMs: startMs, text: `of rank ${rank}` }] },
      }) as const;
    await under().write([said(0), said(1)]);
    await under().write([said(0), said(1)]);
    const texts = async (rank?: number) =>
      (await under().store.lines({ run: 'ranked-lines', last: 10, rank })).lines.map(({ text }) => text);
    expect(await texts()).toEqual(['of rank 0', 'of rank 1']);
    expect([await texts(1), await texts(2)]).toEqual([['of rank 1'], []]);
  });

  it('answers nobody who has left', async () => {
    const gone = AbortSignal.abort();
    const chart = { run: 'scoped', keys: ['loss'], x: 'step', buckets: 10 } as const;
    const { store } = under();
    await expect(store.series(chart, gone)).rejects.toThrow();
    await expect(store.band({ run: 'scoped', key: 'loss', buckets: 10 }, gone)).rejects.toThrow();
    await expect(store.points({ run: 'scoped', key: 'loss', first: 10 }, gone)).rejects.toThrow();
    await expect(store.lines({ run: 'scoped', last: 10 }, gone)).rejects.toThrow();
  });
}

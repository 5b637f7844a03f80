import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MetricStore, SeriesColumns } from './metric-store.js';
import { describePages } from './metric-store-pages.contract.js';
import { describeCharts } from './metric-store-charts.contract.js';
import { describeMedia } from './metric-store-media.contract.js';
import { describeScopes } from './metric-store-scopes.contract.js';
import { block, points, range, startMs, type SomeEvent } from './test/event-batches.js';

export interface MetricStoreUnderTest {
  readonly store: MetricStore;
  /** Applies events through the points projection; may be called again with the same events. */
  write(events: readonly SomeEvent[]): Promise<void>;
  close(): Promise<void>;
}

/** What every metric store promises. */
export function describeMetricStore(name: string, open: () => Promise<MetricStoreUnderTest>): void {
  describe(`${name} as a MetricStore`, () => {
    let under: MetricStoreUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(async () => {
      await under.close();
    });
    describeSeries(() => under);
    describeAttempts(() => under);
    describeTimes(() => under);
    describeBands(() => under);
    describePages(() => under);
    describeScopes(() => under);
    describeMedia(() => under);
    describeCharts(() => under);
  });
}

type Under = () => MetricStoreUnderTest;
const list = (column: ArrayLike<number>): number[] => Array.from(column);

async function oneSeries(
  under: Under,
  run: string,
  key: string,
  buckets: number,
  more: object = {},
): Promise<SeriesColumns> {
  const query = { run, keys: [key], x: 'step', buckets, ...more } as const;
  const [columns, countless] = await Promise.all([
    under().store.series(query),
    under().store.series({ ...query, countless: true }),
  ]);
  expect(columns.length).toBe(1);
  const { count } = columns[0]!;
  expect(countless.map((one) => ({ ...one, count }))).toEqual(columns);
  return columns[0]!;
}

/** The buckets a chart must show, the plain way. */
function bucketed(values: readonly number[], first: number, size: number): number[][] {
  const out: number[][] = [];
  for (let i = 0; i < values.length; i += size) {
    const part = values.slice(i, i + size);
    out.push([first + i, Math.min(...part), Math.max(...part), part[0]!, part.at(-1)!, part.length]);
  }
  return out;
}
const rowsOf = (s: SeriesColumns): number[][] =>
  Array.from(s.x, (x, i) => [x, s.min[i]!, s.max[i]!, s.first[i]!, s.last[i]!, s.count[i]!]);

function describeSeries(under: Under): void {
  it('shows every point when there are enough buckets', async () => {
    const values = range(0, 100).map((step) => Math.sin(step));
    await under().write([points({ run: 'plain', seq: 1, steps: range(0, 100), values: { loss: values } })]);
    expect(rowsOf(await oneSeries(under, 'plain', 'loss', 1_000))).toEqual(bucketed(values, 0, 1));
  });

  it('keeps extremes, first and last of each bucket exact at every zoom', async () => {
    const values = range(0, 40_000).map((step) => Math.sin(step * 12.9898) * 43_758);
    await under().write(
      range(0, 4).map((part) =>
        points({
          run: 'long',
          seq: part + 1,
          steps: range(part * 10_000, part * 10_000 + 10_000),
          values: { loss: values.slice(part * 10_000, part * 10_000 + 10_000) },
        }),
      ),
    );
    for (const buckets of [1_000, 150, 100, 7, 2, 1]) {
      const series = await oneSeries(under, 'long', 'loss', buckets);
      expect(series.x.length).toBeLessThanOrEqual(buckets);
      const size = series.x.length === 1 ? 40_000 : series.x[1]! - series.x[0]!;
      expect(rowsOf(series), `${buckets} buckets`).toEqual(bucketed(values, 0, size));
    }
    const window = await oneSeries(under, 'long', 'loss', 20, { from: 101, to: 39_999 });
    expect(window.count.reduce((sum, n) => sum + n, 0)).toBe(39_999 - 101);
    expect([window.x[0], window.first[0], window.last.at(-1)]).toEqual([101, values[101], values[39_998]]);
    expect(Math.max(...window.max)).toBe(Math.max(...values.slice(101, 39_999)));
  });

  it('answers one bucket, an empty window, an unknown key and an unknown run', async () => {
    await under().write([points({ run: 'small', seq: 1, steps: [5, 6], values: { loss: [2, 1] } })]);
    expect(rowsOf(await oneSeries(under, 'small', 'loss', 1))).toEqual([[5, 1, 2, 2, 1, 2]]);
    const empty = { run: 'small', keys: ['loss'], x: 'step', buckets: 5 } as const;
    expect(await under().store.series({ ...empty, from: 7 })).toEqual([]);
    expect(await under().store.series({ ...empty, keys: ['nothing'] })).toEqual([]);
    expect(await under().store.series({ ...empty, run: 'nobody' })).toEqual([]);
    await expect(under().store.series({ ...empty, buckets: 0 })).rejects.toMatchObject({ name: 'Rejection' });
  });

  it('gives NaN and the infinities back as marks and leaves them out of the buckets', async () => {
    const values = [1, Number.NaN, 3, Infinity, -Infinity, 6];
    await under().write([points({ run: 'odd', seq: 1, steps: range(0, 6), values: { loss: values } })]);
    const series = await oneSeries(under, 'odd', 'loss', 100);
    expect(list(series.x)).toEqual([0, 2, 5]);
    expect(list(series.oddX)).toEqual([1, 3, 4]);
    expect(list(series.oddValue)).toEqual([Number.NaN, Infinity, -Infinity]);
    const page = await under().store.points({ run: 'odd', key: 'loss', first: 10 });
    expect(list(page.value)).toEqual(values);
    const only = range(0, 30_000).map((step) => (step === 777 ? Number.NaN : step));
    await under().write([points({ run: 'odd', seq: 2, steps: range(0, 30_000), values: { other: only } })]);
    const far = await oneSeries(under, 'odd', 'other', 10);
    expect([list(far.oddX), far.count.reduce((sum, n) => sum + n, 0)]).toEqual([[777], 29_999]);
  });

  it('takes negative steps', async () => {
    const values = range(0, 5_000).map((i) => (i * 7_919) % 1_000);
    await under().write([points({ run: 'negative', seq: 1, steps: range(-2_500, 2_500), values: { loss: values } })]);
    const fine = await oneSeries(under, 'negative', 'loss', 5_000);
    expect(rowsOf(fine)).toEqual(bucketed(values, -2_500, 1));
    const coarse = await oneSeries(under, 'negative', 'loss', 5);
    expect(coarse.x[0]).toBe(-2_500);
    expect([Math.min(...coarse.min), Math.max(...coarse.max)]).toEqual([Math.min(...values), Math.max(...values)]);
    expect(coarse.count.reduce((sum, n) => sum + n, 0)).toBe(5_000);
    for (const buckets of [4_000, 5]) {
      const window = await oneSeries(under, 'negative', 'loss', buckets, { from: -1_500, to: 1_025 });
      expect([window.x[0], window.count.reduce((sum, n) => sum + n, 0)]).toEqual([-1_500, 2_525]);
    }
    const below = await oneSeries(under, 'negative', 'loss', 4_000, { from: -2_000, to: -1_024 });
    expect([below.x[0], below.x.at(-1), below.x.length]).toEqual([-2_000, -1_025, 976]);
    expect(list((await under().store.points({ run: 'negative', key: 'loss', first: 3 })).step)).toEqual([
      -2_500, -2_499, -2_498,
    ]);
  });

  it('lets the last write of a step win, in one event, in one batch and in later ones', async () => {
    const steps = range(0, 20_000);
    await under().write([points({ run: 'again', seq: 1, steps, values: { loss: steps.map(() => 5) } })]);
    await under().write([points({ run: 'again', seq: 2, steps: [100, 100], values: { loss: [999, 1] } })]);
    await under().write([
      points({ run: 'again', seq: 3, steps: [15_000], values: { loss: [-50] } }),
      points({ run: 'again', seq: 4, steps: [15_000], values: { loss: [4] } }),
    ]);
    for (const buckets of [20_000 > 10_000 ? 10_000 : 20_000, 60, 3]) {
      const series = await oneSeries(under, 'again', 'loss', buckets);
      expect([Math.min(...series.min), Math.max(...series.max)], `${buckets} buckets`).toEqual([1, 5]);
      expect(series.count.reduce((sum, n) => sum + n, 0)).toBe(20_000);
    }
    const band = await under().store.band({ run: 'again', key: 'loss', buckets: 2 });
    expect([Math.min(...band.min), Math.max(...band.max)]).toEqual([1, 5]);
  });

  it('keeps every value of a step for clients that log several', async () => {
    const event = { run: 'every', writerless: true, everyValue: true, seq: 1 };
    const write = [
      points({
        ...event,
        steps: [1, 1, 1],
        times: [startMs, startMs + 1, startMs + 2],
        values: { acc: [0.1, 0.9, 0.5] },
      }),
      points({ ...event, steps: [1], times: [startMs + 3], values: { acc: [0.5] } }),
    ];
    await under().write(write);
    const page = await under().store.points({ run: 'every', key: 'acc', first: 10 });
    expect(list(page.value).sort()).toEqual([0.1, 0.5, 0.5, 0.9]);
    expect(list(page.time).sort()).toEqual(range(0, 4).map((ms) => startMs + ms));
    expect(rowsOf(await oneSeries(under, 'every', 'acc', 10))).toEqual([[1, 0.1, 0.9, 0.1, 0.5, 4]]);
  });

  it('shows ranks apart and only those asked for', async () => {
    await under().write(
      range(0, 4).map((rank) => points({ run: 'ranks', seq: 1, rank, steps: [0, 1], values: { loss: [rank, rank] } })),
    );
    const columns = await under().store.series({ run: 'ranks', keys: ['loss'], x: 'step', buckets: 10, ranks: [1, 3] });
    expect(columns.map(({ rank, min }) => [rank, list(min)])).toEqual([
      [1, [1, 1]],
      [3, [3, 3]],
    ]);
  });
}

function describeAttempts(under: Under): void {
  it('shows all that was logged, but what a later attempt logged again: of the same series, rank and step', async () => {
    await under().write([
      points({
        run: 'resumed',
        seq: 1,
        attempt: 1,
        steps: range(0, 1_000),
        values: { loss: range(0, 1_000).map(() => 1), 'system/cpu': range(0, 1_000) },
      }),
      points({
        run: 'resumed',
        seq: 1,
        attempt: 1,
        rank: 1,
        steps: range(0, 1_000),
        values: { loss: range(0, 1_000).map(() => 10) },
      }),
      points({
        run: 'resumed',
        seq: 1,
        attempt: 2,
        steps: range(500, 600),
        values: { loss: range(0, 100).map(() => 2), 'system/cpu': range(0, 100), 'eval/loss': range(0, 100) },
      }),
    ]);
    const [zero, one] = await under().store.series({ run: 'resumed', keys: ['loss'], x: 'step', buckets: 2_000 });
    expect([zero!.count.length, zero!.min[499], zero!.min[500], zero!.min[599], zero!.min[600]]).toEqual([
      1_000, 1, 2, 2, 1,
    ]);
    expect([one!.count.length, list(one!.min).every((value) => value === 10)]).toEqual([1_000, true]);
    const [whole] = await under().store.series({
      run: 'resumed',
      keys: ['loss'],
      x: 'step',
      buckets: 2_000,
      attempt: 1,
      ranks: [0],
    });
    expect([whole!.count.length, Math.max(...whole!.max)]).toEqual([1_000, 1]);
    const [few] = await under().store.series({ run: 'resumed', keys: ['loss'], x: 'step', buckets: 1, ranks: [0] });
    expect(rowsOf(few!)).toEqual([[0, 1, 2, 1, 1, 1_000]]);
    const page = await under().store.points({ run: 'resumed', key: 'loss', rank: 0, first: 10_000 });
    expect([page.step.length, page.attempt[499], page.attempt[500], page.attempt[600]]).toEqual([1_000, 1, 2, 1]);
    const system = await under().store.points({ run: 'resumed', key: 'system/cpu', rank: 0, first: 10_000 });
    expect(system.step.length).toBe(1_100);
    expect((await oneSeries(under, 'resumed', 'eval/loss', 1_000)).x.length).toBe(100);
  });

  it('keeps steps that were counted beside those of an attempt before them', async () => {
    const counted = { steps: range(0, 10), counted: true } as const;
    await under().write([
      points({ run: 'counted', seq: 1, ...counted, values: { loss: range(0, 10) }, startedAt: 5 }),
      points({ run: 'counted', seq: 1, ...counted, attempt: 2, values: { loss: range(10, 20) }, startedAt: 6 }),
    ]);
    const page = await under().store.points({ run: 'counted', key: 'loss', first: 100 });
    expect(list(page.value).sort((a, b) => a - b)).toEqual(range(0, 20));
  });

  it('cuts where a resume says it goes on, before it has logged', async () => {
    await under().write([
      points({ run: 'told', seq: 1, steps: range(0, 100), values: { loss: range(0, 100) } }),
      {
        name: 'RunResumed',
        subject: 'told',
        data: { attempt: 2, launch: 'b', fromStep: 40, hasFromStep: true, worldSize: 1 },
      },
    ]);
    expect((await oneSeries(under, 'told', 'loss', 1_000)).x.length).toBe(40);
  });
}

function describeTimes(under: Under): void {
  it('gives each point the time it was logged with', async () => {
    const blocks = [
      block({ steps: [0, 1], values: { a: [1, 2] }, times: [startMs, startMs + 10] }),
      block({ steps: [0, 1], values: { b: [1, 2] }, times: [startMs + 5, startMs + 10] }),
    ];
    await under().write([
      { name: 'PointsLogged', subject: 'timed', data: { blocks }, writer: { id: 'w', attempt: 1, rank: 0, seq: 1 } },
      points({ run: 'timed', writerId: 'w', seq: 2, steps: [1], values: { c: [3] }, timeMs: startMs + 77 }),
    ]);
    const times = async (key: string): Promise<number[]> =>
      list((await under().store.points({ run: 'timed', key, first: 5 })).time).map((t) => t - startMs);
    expect([await times('a'), await times('b'), await times('c')]).toEqual([[0, 10], [5, 10], [77]]);
  });

  it('buckets by time', async () => {
    const steps = range(0, 1_000);
    await under().write([
      points({
        run: 'clocked',
        seq: 1,
        steps,
        values: { loss: steps },
        times: steps.map((step) => startMs + step * 1_000),
      }),
    ]);
    const query = { run: 'clocked', keys: ['loss'], x: 'time' } as const;
    const [series] = await under().store.series({
      ...query,
      buckets: 10,
      from: startMs + 100_000,
      to: startMs + 200_000,
    });
    expect(series!.x.map((x) => x - startMs)[0]).toBe(100_000);
    expect([series!.first[0], series!.last.at(-1), series!.count.reduce((sum, n) => sum + n, 0)]).toEqual([
      100, 199, 100,
    ]);
    expect(series!.x.length).toBeLessThanOrEqual(10);
  });

  it('says how fast each rank goes', async () => {
    const clock = (rank: number, ms: number): SomeEvent => {
      const steps = range(0, 50);
      return points({
        run: 'paced',
        seq: 1,
        rank,
        steps,
        values: { loss: steps },
        times: steps.map((step) => startMs + step * ms),
      });
    };
    const sparse = points({
      run: 'paced',
      seq: 1,
      rank: 2,
      steps: [0, 100_000],
      values: { loss: [1, 2] },
      times: [startMs, startMs + 4_000],
    });
    await under().write([clock(0, 100), clock(1, 300), sparse]);
    const pace = await under().store.ranks('paced');
    expect(
      pace.map(({ rank, lastStep, lastTimeMs, stepMs }) => [rank, lastStep, lastTimeMs - startMs, stepMs]),
    ).toEqual([
      [0, 49, 4_900, 100],
      [1, 49, 14_700, 300],
      [2, 100_000, 4_000, 4_000],
    ]);
    expect(await under().store.ranks('nobody')).toEqual([]);
  });
}

function describeBands(under: Under): void {
  it('shows the spread over ranks, who is at the extremes and who is farthest off', async () => {
    const steps = range(0, 200);
    await under().write(
      range(0, 21).map((rank) =>
        points({
          run: 'band',
          seq: 1,
          rank,
          steps,
          values: { loss: steps.map((step) => (rank === 7 ? 100 : rank) + step) },
        }),
      ),
    );
    const band = await under().store.band({ run: 'band', key: 'loss', buckets: 200 });
    expect([band.ranks, band.x.length, list(band.x.slice(0, 2))]).toEqual([21, 200, [0, 1]]);
    expect([band.min[3], band.p50[3], band.max[3], band.minRank[3], band.maxRank[3]]).toEqual([3, 14, 103, 0, 7]);
    expect([band.p5[0], band.p95[0]]).toEqual([1, 20]);
    expect(band.worstRank).toBe(7);
    expect(band.worstScore).toBeGreaterThan(5);
    const coarse = await under().store.band({ run: 'band', key: 'loss', buckets: 2, from: 0, to: 200 });
    expect([Math.min(...coarse.min), Math.max(...coarse.max), coarse.worstRank]).toEqual([0, 299, 7]);
    expect(coarse.x.length).toBeLessThanOrEqual(2);
    // what is not finite belongs to no band, neither of raw rows nor of rollups
    const odd = [Number.NaN, Infinity, -Infinity];
    const values = range(0, 2_000).map((step) => odd[step % 4] ?? step);
    await under().write(
      range(0, 3).map((rank) =>
        points({
          run: 'band',
          seq: 2,
          rank,
          steps: range(0, 2_000),
          values: { odd: values, gone: values.map(() => NaN) },
        }),
      ),
    );
    for (const buckets of [2_000, 10]) {
      const finite = await under().store.band({ run: 'band', key: 'odd', buckets });
      expect([finite.x[0], finite.ranks, Math.min(...finite.min), Math.max(...finite.max)]).toEqual([
        buckets === 10 ? 0 : 3,
        3,
        3,
        1_999,
      ]);
      expect((await under().store.band({ run: 'band', key: 'gone', buckets })).x.length).toBe(0);
    }
    const none = await under().store.band({ run: 'band', key: 'nothing', buckets: 2 });
    expect([none.x.length, none.ranks, none.worstRank]).toEqual([0, 0, null]);
  });
}

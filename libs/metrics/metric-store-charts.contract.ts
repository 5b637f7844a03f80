import { expect, it } from 'vitest';
import type { MetricStoreUnderTest } from './metric-store.contract.js';
import type { SeriesQuery } from './metric-store.js';
import { points, range, started } from './test/event-batches.js';

type Under = () => MetricStoreUnderTest;

/** That charts of many runs, asked for at once, are what each is alone. */
export function describeCharts(under: Under): void {
  it('answers for many runs at once what it answers for each alone', async () => {
    const run = (
      name: string,
      from: number,
      to: number,
      more: { rank?: number; attempt?: number; seq?: number } = {},
    ) =>
      points({
        run: `many-${name}`,
        seq: 1,
        ...more,
        steps: range(from, to),
        values: { loss: range(from, to).map((step) => Math.sin(step + from) * step), acc: range(from, to) },
      });
    await under().write([
      run('short', 0, 40),
      run('late', 7_000, 7_040),
      run('negative', -500, 900),
      run('middle', 0, 3_000),
      run('long', 0, 9_000),
      run('long', 9_000, 18_000, { seq: 2 }),
      run('ranks', 0, 300, { rank: 3 }),
      run('ranks', 0, 500, { rank: 0 }),
      run('rewritten', 0, 100),
      run('rewritten', 50, 60, { seq: 2 }),
      started('many-again', {}, 1),
      started('many-again', {}, 2),
      run('again', 0, 2_000, { attempt: 1 }),
      run('again', 1_500, 2_500, { attempt: 2 }),
    ]);
    const names = ['short', 'late', 'negative', 'middle', 'long', 'ranks', 'rewritten', 'again', 'nobody'];
    const queries = names.flatMap((name) =>
      [
        { buckets: 1_000 },
        { buckets: 20 },
        { buckets: 20, from: 3, to: 7_020 },
        { buckets: 10, ranks: [0] },
        { buckets: 500, attempt: 1 },
        { buckets: 9, x: 'time' as const },
      ].map((more): SeriesQuery => ({ run: `many-${name}`, keys: ['acc', 'none', 'loss'], x: 'step', ...more })),
    );
    const { store } = under();
    const together = await store.seriesOf([...queries, { ...queries[0]!, keys: [] }]);
    const alone = [];
    for (const query of queries) alone.push(await store.series(query));
    expect(together).toEqual([...alone, []]);
    const shown = together.map((series) => series.length > 0);
    expect(shown.filter(Boolean).length).toBeGreaterThan(40);
    await expect(store.seriesOf([queries[0]!, { ...queries[1]!, buckets: 0 }])).rejects.toMatchObject({
      field: 'buckets',
    });
    expect(await store.seriesOf([])).toEqual([]);
  });
}

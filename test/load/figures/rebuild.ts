import { median, round, type Bench } from './figure.js';
import { flood, floodPoints } from './ingest.js';
import { queryable, withServer } from './served.js';

/** `runstream rebuild` in a running server: read, decode, write beside, digest both, switch. */
export async function measureRebuild(bench: Bench): Promise<void> {
  const requests = bench.quick ? 5 : 30;
  const rounds = bench.quick ? 1 : 3;
  await withServer(async ({ server: { url } }) => {
    await flood(url, 'rebuilt', requests);
    await queryable(url);
    const rate: Record<string, number[]> = { points: [], runs: [] };
    for (let index = 0; index < rounds; index++) {
      for (const projection of ['points', 'runs']) {
        const startedAt = performance.now();
        const answer = await fetch(`${url}/v1/admin/rebuild`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ projection, dropOld: true }),
        });
        const report = (await answer.json()) as { equal?: boolean; message?: string };
        if (report.equal !== true) throw new Error(`rebuild of ${projection}: ${JSON.stringify(report)}`);
        rate[projection]!.push(floodPoints(requests) / ((performance.now() - startedAt) / 1e3));
      }
    }
    const sizes = `${floodPoints(requests) / 1e6} M points of 64 ranks, 10 k per record, digests of both generations included, median of ${rounds}`;
    bench.print(
      'rebuild.points_per_s',
      median(rate['points']!),
      'points/s',
      `metric store; ${sizes}; run tables ${round(median(rate['runs']!))} points/s`,
    );
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { block, gql, points, postEvents, started, writerOf } from '../../rigs/client.js';
import { median, quantile, type Bench } from './figure.js';
import { withServer } from './served.js';

const pollEveryMs = 50;

/** From log() of a step, which holds the time of it, until a program that asks for the series again and again sees it. */
export async function measurePoll(bench: Bench): Promise<void> {
  const steps = bench.quick ? 40 : 200;
  const late = await withServer(async ({ server: { url } }) => {
    await postEvents(url, [started('polled', 'bench', writerOf('w', 1))]);
    let logging = true;
    const seen = new Map<number, number>();
    const poller = (async () => {
      const question = '{ run(id: "polled") { series(keys: ["at"], buckets: 1000) { x last } } }';
      while (logging || seen.size < steps) {
        const { run } = await gql(url, question);
        const now = performance.now();
        const [series] = (run?.series ?? []) as { x: number[]; last: number[] }[];
        series?.x.forEach((step, i) => {
          if (!seen.has(step)) seen.set(step, now - series.last[i]!);
        });
        await sleep(pollEveryMs);
      }
    })();
    for (let step = 0; step < steps; step++) {
      await postEvents(url, [
        points('polled', writerOf('w', step + 1), [block(['at'], [step], () => performance.now())]),
      ]);
      await sleep(100 + 100 * Math.random());
    }
    logging = false;
    await poller;
    return [...seen.values()];
  });
  const note = `a step every 100 to 200 ms, asked for every ${pollEveryMs} ms; p50 ${median(late).toFixed(0)}`;
  bench.print('poll.p95_ms', quantile(late, 0.95), 'ms', `${steps} steps; ${note}`);
}

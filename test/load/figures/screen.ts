import { block, points, postEvents, started, writerOf } from '../../rigs/client.js';
import { median, quantile, type Bench } from './figure.js';
import { queryable, withServer } from './served.js';

const charts = 50;
const steps = 1_000;
const keys = Array.from({ length: charts }, (_, index) => `metric-${index}`);
const runs = Array.from({ length: charts }, (_, index) => `run-${index}`);
const columns = 'key rank x min max last oddX oddValue';

/** A screen of charts of a small store as the page asks for it, in one question, until its bytes are here. */
export async function measureScreen(bench: Bench): Promise<void> {
  const times = bench.quick ? 20 : 100;
  await withServer(async ({ server: { url } }) => {
    const values = (key: number, step: number): number => Math.sin(step / 40 + key) + Math.random() / 20;
    const all = Array.from({ length: steps }, (_, step) => step);
    await postEvents(url, [
      started('screen', 'bench', writerOf('w', 1)),
      points('screen', writerOf('w', 1), [block(keys, all, values)]),
    ]);
    for (const [index, run] of runs.entries())
      await postEvents(url, [
        started(run, 'bench', writerOf('w', 1)),
        // of different lengths, as runs are
        points(run, writerOf('w', 1), [block(['loss'], all.slice(0, steps / 2 + index * 10), values)]),
      ]);
    await queryable(url);
    const screen = await timed(url, times, {
      query: `query($keys: [String!]!) { run(id: "screen") { series(keys: $keys, buckets: 1000) { ${columns} } } }`,
      variables: { keys },
    });
    const overlay = await timed(url, times, {
      query: `query($runs: [ID!]!) { runsById(ids: $runs) { series(keys: ["loss"], buckets: 500) { ${columns} } } }`,
      variables: { runs },
    });
    const note = (ms: readonly number[]): string => `${times} times in a small store, p50 ${median(ms).toFixed(1)}`;
    bench.print('screen.p95_ms', quantile(screen, 0.95), 'ms', `${charts} charts x ${steps} points; ${note(screen)}`);
    bench.print(
      'overlay.p95_ms',
      quantile(overlay, 0.95),
      'ms',
      `${charts} runs x 1 key, 500 buckets; ${note(overlay)}`,
    );
  });
}

async function timed(url: string, times: number, question: object): Promise<readonly number[]> {
  const ask = async (): Promise<number> => {
    const began = performance.now();
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/vnd.runstream.columns' },
      body: JSON.stringify(question),
    });
    const { byteLength } = await response.arrayBuffer();
    if (response.status !== 200 || byteLength < charts * 1_000)
      throw new Error(`${response.status}, ${byteLength} bytes`);
    return performance.now() - began;
  };
  for (let warm = 0; warm < 10; warm++) await ask();
  const all: number[] = [];
  for (let round = 0; round < times; round++) all.push(await ask());
  return all;
}

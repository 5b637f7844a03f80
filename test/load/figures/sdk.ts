import { gql } from '../../rigs/client.js';
import { Generator } from './processes.js';
import { median, round, type Bench } from './figure.js';
import { queryable, withServer } from './served.js';

const [steps, keys] = [2_000, 100];

/** One Python writer: from its first log() until all of its points can be queried. */
export async function measureSdk(bench: Bench): Promise<void> {
  const rounds = bench.quick ? 1 : 5;
  const rates: number[] = [];
  const delivered: number[] = [];
  await withServer(async ({ server: { url } }) => {
    for (let index = 0; index < rounds; index++) {
      const writer = Generator.python('./sdk_writer.py', [url, String(steps), String(keys)]);
      const { run, beganAt, finishedAt } = await writer.next();
      await queryable(url);
      const endedAt = performance.timeOrigin + performance.now();
      const { run: found } = await gql(
        url,
        'query($id: ID!) { run(id: $id) { metric(key: "m99") { count } points(key: "m99", first: 10000) { step } } }',
        { id: run },
      );
      if (found.metric.count !== steps || found.points.step.length !== steps)
        throw new Error(`not all points are there: ${JSON.stringify(found.metric)}`);
      rates.push((steps * keys * 1e3) / (endedAt - beganAt));
      delivered.push(finishedAt - beganAt);
      await writer.rest();
    }
  });
  bench.print(
    'sdk.points_per_s',
    median(rates),
    'points/s',
    `one Python writer, ${keys} metrics x ${steps} steps by log() until all can be queried, median of ${rounds}; finish() came back after ${round(median(delivered))} ms`,
  );
}

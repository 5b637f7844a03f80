import { expect } from 'vitest';
import { gql } from '../rigs/client.js';
import { runCli, type Variables } from '../rigs/server-process.js';
import { keys, valueAt, type WriterLog } from './load.js';

export async function settled(url: string): Promise<void> {
  await expect
    .poll(async () => {
      const { server } = await gql(url, '{ server { projections { lag waiting } } }');
      return server.projections.every(
        ({ lag, waiting }: { lag: number; waiting: string | null }) => lag === 0 && waiting === null,
      );
    })
    .toBe(true);
}

export async function checkPoints(url: string, run: string, logs: readonly WriterLog[]): Promise<void> {
  for (const { rank, steps, acked } of logs) {
    let stored = 0;
    for (const [index, key] of keys.entries()) {
      let after: string | null = null;
      let next = 0;
      do {
        const { run: found }: Record<string, any> = await gql(
          url,
          'query($run: ID!, $key: String!, $rank: Int, $after: String) { run(id: $run) { points(key: $key, rank: $rank, after: $after) { step value endCursor hasNextPage } } }',
          { run, key, rank, after },
        );
        const page = found.points as {
          step: number[];
          value: number[];
          endCursor: string | null;
          hasNextPage: boolean;
        };
        page.step.forEach((step, i) => {
          // in order and one of each: a hole is a lost point, a step past the end a phantom
          if (step !== next || page.value[i] !== valueAt(rank, index, step)) {
            throw new Error(`rank ${rank} ${key}: expected step ${next}, found ${step} = ${page.value[i]}`);
          }
          next += 1;
        });
        stored += page.step.length;
        after = page.hasNextPage ? page.endCursor : null;
      } while (after !== null);
      expect(next).toBe(steps);
    }
    expect(stored).toBe(acked);
  }
  const { run: found } = await gql(
    url,
    'query($run: ID!) { run(id: $run) { completeness { batchesMissing gaps { rank fromSeq } } summary { key count last } } }',
    { run },
  );
  expect(found.completeness).toMatchObject({ batchesMissing: 0, gaps: [] });
  const total = logs.reduce((sum, { steps }) => sum + steps, 0);
  for (const { count } of found.summary) expect(count).toBe(total);
}

/** Live tables equal what the log folds to: both rebuilt, twice, to identical digests. */
export async function checkRebuild(environment: Variables): Promise<void> {
  for (let time = 0; time < 2; time++) {
    const { code, output } = await runCli(['rebuild', '--drop-old'], environment);
    expect(output.match(/identical/g), output).toHaveLength(2);
    expect(code).toBe(0);
  }
}

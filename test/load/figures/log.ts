import { Generator } from './processes.js';
import { median, type Bench } from './figure.js';

const sdks = [
  ['Python', () => Generator.python('../../../libs/sdk-python/tests/bench_log.py', [])],
  ['TypeScript', () => Generator.typescript('../../../libs/sdk-typescript/bench-log.ts', [])],
] as const;

/** How long log() of 100 metrics holds up a training process; each SDK's own measurement, several times. */
export async function measureLog(bench: Bench): Promise<void> {
  const rounds = bench.quick ? 1 : 5;
  for (const [name, open] of sdks) {
    const taken = new Map<string, number[]>([
      ['log.p50_us', []],
      ['log.p99_us', []],
    ]);
    for (let index = 0; index < rounds; index++) {
      for (const { figure, value } of await open().rest()) taken.get(figure)?.push(value);
    }
    for (const [figure, values] of taken)
      bench.print(
        figure,
        median(values),
        'us',
        `${name} SDK, log() of 100 metrics, 2,000 times in a row, median of ${rounds}`,
      );
  }
}

import { measureRunSearch } from '../run-search.js';
import type { Bench } from './figure.js';

export async function measureSearch(bench: Bench): Promise<void> {
  const runs = bench.quick ? 10_000 : 100_000;
  const p95 = await measureRunSearch(runs, 20, (line) => bench.say(line));
  bench.print(
    'search.p95_ms',
    p95,
    'ms',
    `RunTable.search, first 50 and the count, six filters and orders, ${runs} runs`,
  );
}

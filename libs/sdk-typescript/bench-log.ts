import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { init } from './sdk.js';

/** Prints how long log() of 100 metrics takes, and, with a url, one writer's way to all delivered. */
const [steps, keys] = [2_000, 100];
const url = process.argv[2];
const dir = mkdtempSync(join(tmpdir(), 'runstream-bench-'));
const run = init({ project: 'bench', dir, captureConsole: false, ...(url ? { url } : { mode: 'offline' as const }) });
await new Promise((resolve) => setTimeout(resolve, 1_000));
const rows = Array.from({ length: steps }, () =>
  Object.fromEntries(Array.from({ length: keys }, (_, k) => [`m${k}`, Math.random()])),
);
const took: number[] = [];
const begin = performance.now();
for (const row of rows) {
  const start = process.hrtime.bigint();
  run.log(row);
  took.push(Number(process.hrtime.bigint() - start) / 1_000);
}
if (url) await run.finish();
const perSecond = (steps * keys * 1_000) / (performance.now() - begin);
took.sort((a, b) => a - b);
const print = (figure: string, value: number, unit: string): void => {
  process.stdout.write(
    `${JSON.stringify({ figure, value: Math.round(value * 100) / 100, unit, note: 'TypeScript, 100 metrics x 2000 steps' })}\n`,
  );
};
print('log.p50_us', took[steps >> 1]!, 'us');
print('log.p99_us', took[Math.floor(steps * 0.99)]!, 'us');
if (url) print('sdk.points_per_s', perSecond, 'points/s');

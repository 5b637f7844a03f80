/** A training process that logs the time, 20 times a second, by the TypeScript SDK. Arguments: url seconds */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { init } from '../../../libs/sdk-typescript/sdk.js';

const [url, seconds] = process.argv.slice(2) as [string, string];
const run = init({
  project: 'bench',
  url,
  dir: mkdtempSync(join(tmpdir(), 'runstream-probe-')),
  captureConsole: false,
});
await sleep(1_500);
process.stdout.write(`${JSON.stringify({ run: run.id })}\n`);
for (let i = 0; i < Number(seconds) * 40; i++) {
  run.log({ probe: performance.timeOrigin + performance.now() });
  await sleep(50);
}

import { init } from '../../../libs/sdk-typescript/sdk.js';

/** The same as writer.py, by the TypeScript SDK. */
const [url, runId, steps, dir] = process.argv.slice(2) as [string, string, string, string];
const run = init({
  project: 'direct',
  id: runId,
  url,
  dir,
  captureConsole: false,
  captureEnvironment: false,
  captureSystem: false,
});
for (let step = 0; step < Number(steps); step++) run.log({ loss: step + 0.5, acc: step * 2 }, step);
await run.finish();

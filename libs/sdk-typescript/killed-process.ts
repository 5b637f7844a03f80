import { openSync, writeSync } from 'node:fs';
import { init } from './sdk.js';

/** What the spec kills: logs without end, and notes in a file each log() that returned. */
const run = init({ project: 'p', captureConsole: false, captureEnvironment: false, captureSystem: false });
const fd = openSync(process.argv[2]!, 'a');
process.send!('ready');
for (let i = 0; ; i++) {
  run.log({ x: i }, i);
  writeSync(fd, '.');
  if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}

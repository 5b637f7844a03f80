import { ignoreSignals } from './gone.js';
import { Stopped } from './posting.js';
import { Sender } from './sender.js';

const [folder, parentPid] = process.argv.slice(2);
ignoreSignals();
const orphanPatienceMs = 600_000;
try {
  await new Sender({
    folder: folder!,
    parentPid: Number(parentPid),
    apiKey: process.env['RUNSTREAM_API_KEY'],
    kafka: process.env['RUNSTREAM_KAFKA'],
    patienceMs: orphanPatienceMs,
  }).run();
} catch (error) {
  process.stderr.write(`${error instanceof Stopped ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = 1;
}

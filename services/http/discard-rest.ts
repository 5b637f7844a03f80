import type { IncomingMessage } from 'node:http';
import { limits } from '#libs/domain/limits.js';

const restBytesMax = 8 * limits.bodyBytesMax;
const restMsMax = 10_000;
const silentMs = 500;

/**
 * Reads what is still coming of a request that is refused, and drops it: a client that is writing while the connection is closed sees
 * a broken pipe instead of the answer, and would try again for minutes. What is too much for that is cut off; who has stopped sending
 * is answered at once.
 */
export async function discardRest(request: IncomingMessage): Promise<void> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (request.complete || request.destroyed || !(declared <= restBytesMax)) return;
  let bytes = 0;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const timer of [whole, silent]) clearTimeout(timer);
      request.off('data', onData);
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      silent.refresh();
      bytes += chunk.length;
      if (bytes > restBytesMax) done();
    };
    const whole = setTimeout(done, restMsMax);
    const silent = setTimeout(done, silentMs);
    for (const event of ['end', 'close', 'error']) request.once(event, done);
    request.on('data', onData);
    request.resume();
  });
}

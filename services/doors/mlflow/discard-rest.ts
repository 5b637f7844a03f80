import type { IncomingMessage } from 'node:http';
import { limits } from '#libs/domain/limits.js';

const restBytesMax = 8 * limits.bodyBytesMax;
const restMsMax = 10_000;

/**
 * Reads what is still coming of a request that is refused, and drops it: a client that is writing while the connection is closed sees
 * a broken pipe instead of the answer, and would try again for minutes. What is too much for that is cut off.
 */
export async function discardRest(request: IncomingMessage): Promise<void> {
  const declared = Number(request.headers['content-length'] ?? NaN);
  if (request.complete || request.destroyed || !(declared <= restBytesMax)) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, restMsMax);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    for (const event of ['end', 'close', 'error']) request.once(event, done);
    request.resume();
  });
}

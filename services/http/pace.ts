import type { IncomingMessage } from 'node:http';
import { Rejection } from '#libs/domain/rejection.js';
import { bodyCheckOf } from './signed-body.js';

/** How fast a body must come: each `bytes` within `windowMs` of waiting for it, and all of it within `totalMs`. */
export interface Pace {
  readonly bytes: number;
  readonly windowMs: number;
  readonly totalMs: number;
}

/** Bodies that are held in memory until they are whole. */
export const heldPace: Pace = { bytes: 4_096, windowMs: 10_000, totalMs: 120_000 };
/** Bodies that go to a store as they come: hours of them are good, silence is not. */
export const streamedPace: Pace = { bytes: 16_384, windowMs: 30_000, totalMs: Infinity };

/** A timer that is late because we were busy says nothing about the sender: what lies in the socket by now counts. */
const graceMs = 200;
const late = Symbol('late');

/**
 * The bytes of a body, as long as they keep coming. Only the time is counted in which we wait for the sender, not that in which a store
 * makes it wait. Leaving early does not close the connection: it can still be answered.
 */
export async function* paced(request: IncomingMessage, pace: Pace): AsyncGenerator<Buffer> {
  const source = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const signed = bodyCheckOf(request);
  let [arrived, waitedMs, totalMs] = [0, 0, 0];
  for (;;) {
    const since = performance.now();
    const pending = source.next();
    let next = await within(pending, Math.min(pace.windowMs - waitedMs, pace.totalMs - totalMs));
    if (next === late) next = await within(pending, graceMs);
    if (next === late) {
      pending.catch(() => null);
      throw tooSlow(pace);
    }
    if (next.done === true) return signed?.end();
    signed?.update(next.value);
    const ms = performance.now() - since;
    arrived += next.value.length;
    waitedMs += ms;
    totalMs += ms;
    if (arrived >= pace.bytes) [arrived, waitedMs] = [0, 0];
    yield next.value;
  }
}

const tooSlow = ({ bytes, windowMs, totalMs }: Pace): Rejection =>
  new Rejection(
    'TOO_SLOW',
    `body: it must come at ${bytes} bytes in ${windowMs / 1_000} s${totalMs === Infinity ? '' : `, and whole in ${totalMs / 1_000} s`}; send it again, in smaller pieces`,
    'body',
  );

async function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof late> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<typeof late>(
    (resolve) => (timer = setTimeout(resolve, Math.min(Math.max(0, ms), 2 ** 31 - 1), late)),
  );
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

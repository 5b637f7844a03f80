import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '#libs/domain/rejection.js';
import type { Logger } from '#libs/observability/logger.js';

/** Commands give up: somebody sits before them. A server waits for as long as it takes, and says so. */
export const commandPatienceMs = 120_000;
const tryEveryMs = 1_000;
/** The same reason is not said at every try. */
const sayEveryMs = 15_000;

export interface Patience {
  readonly logger: Logger;
  readonly patienceMs: number;
  /** Told what is waited for and why, at each try; null: it is there. */
  readonly signal?: AbortSignal | undefined;
  readonly onWaiting?: ((what: string, reason: string | null) => void) | undefined;
}

/** Engines of a deployment start side by side, and disks are freed by people: what is not there yet is waited for. */
export async function patiently<T>(what: string, patience: Patience, open: () => Promise<T>): Promise<T> {
  const { logger, patienceMs, signal, onWaiting } = patience;
  const end = performance.now() + patienceMs;
  let said = { reason: '', at: -Infinity };
  for (;;) {
    try {
      const opened = await open();
      if (said.reason !== '') onWaiting?.(what, null);
      return opened;
    } catch (error) {
      const reason = waitedReason(error);
      if (reason === null || performance.now() > end || signal?.aborted) throw error;
      onWaiting?.(what, reason);
      if (reason !== said.reason || performance.now() - said.at > sayEveryMs) {
        logger.warn(`${what} is not there yet; waiting for it`, { reason });
        said = { reason, at: performance.now() };
      }
      await sleep(tryEveryMs, undefined, signal ? { signal } : {});
    }
  }
}

/** What time or an operator mends: a store that is down, a disk that is full. */
function waitedReason(error: unknown): string | null {
  if (error instanceof Unavailable) return error.message;
  const { code, message, path } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return null;
  return `the disk is full (${message}${path !== undefined && !message.includes(path) ? ` ${path}` : ''}); free some space`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '#libs/domain/rejection.js';
import type { Logger } from '#libs/observability/logger.js';

/** Engines of a deployment start side by side: what is not there yet is waited for. */
const engineTimeoutMs = 120_000;

export async function patiently<T>(what: string, logger: Logger, open: () => Promise<T>): Promise<T> {
  const end = performance.now() + engineTimeoutMs;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof Unavailable) || performance.now() > end) throw error;
      logger.warn(`${what} is not there yet; waiting for it`, { reason: error.message });
      await sleep(1_000);
    }
  }
}

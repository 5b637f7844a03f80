import type { Logger } from '#libs/observability/logger.js';

/** Whoever stops us waits about this long before it kills. */
const stopTimeoutMs = 9_000;
/** One Ctrl-C may arrive twice, from the terminal and from npm: only a later one means "at once". */
const sameSignalMs = 1_000;

/** The first SIGINT or SIGTERM closes and ends with 0, a second one ends at once; returns how to stop for a reason of our own. */
export function stopOnSignals(logger: Logger, close: () => Promise<void>): (code: number) => void {
  let since: number | null = null;
  const stop = async (code: number): Promise<void> => {
    if (since !== null) return;
    since = performance.now();
    const timer = setTimeout(() => {
      logger.error('stopping took too long; what is not closed is checked at the next start', { stopTimeoutMs });
      process.exit(1);
    }, stopTimeoutMs);
    try {
      await close();
    } catch (error) {
      logger.error('something could not be closed; it is checked at the next start', { error });
      process.exit(1);
    }
    clearTimeout(timer);
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (since !== null && performance.now() - since > sameSignalMs) process.exit(1);
      void stop(0);
    });
  }
  return (code) => void stop(code);
}

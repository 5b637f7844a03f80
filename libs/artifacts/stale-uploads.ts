import type { ArtifactStore } from './artifact-store.js';

/** An upload nobody has gone on with for this long is given up: a week covers a training that paused over a weekend. */
export const uploadsKeptMs = 7 * 24 * 3_600_000;
const lookEveryMs = 3_600_000;

/** Removes stale uploads now and every hour, until it is closed. Several processes may do so at once: what one removed is gone. */
export function keepUploadsClean(
  store: ArtifactStore,
  clock: () => number,
  tell: (removed: number, error: unknown) => void,
): { close(): Promise<void> } {
  let looking: Promise<void> = Promise.resolve();
  const look = (): void => {
    looking = store.removeStaleUploads(clock() - uploadsKeptMs).then(
      (removed) => {
        if (removed > 0) tell(removed, null);
      },
      (error: unknown) => tell(0, error),
    );
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  timer.unref();
  return {
    close: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

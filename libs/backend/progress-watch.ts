import type { Logger } from '#libs/observability/logger.js';
import type { Progress } from '#libs/projecting/progress.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';

const lookEveryMs = 1_000;

export interface ProgressWatch {
  /** Looks now, or once more if it is looking. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/** Reads the stored positions of the live generations again and again: what other processes' projectors have reached. */
export function watchProgress(
  families: readonly ProjectionFamily[],
  progress: Progress,
  logger: Logger,
): ProgressWatch {
  let looking: Promise<void> | null = null;
  let again = false;
  const lookOnce = async (): Promise<void> => {
    for (const family of families) {
      try {
        for (const [name, position] of await (await family.live()).checkpoints())
          progress.observed(family.name, name, position);
      } catch (error) {
        // a store that is down is told by readiness and by whoever reads from it
        logger.debug('the stored positions could not be read', { projection: family.name, error });
      }
    }
  };
  const look = (): Promise<void> => {
    if (looking) {
      again = true;
      return looking;
    }
    const run = async (): Promise<void> => {
      do {
        again = false;
        await lookOnce();
      } while (again);
      looking = null;
    };
    return (looking = run());
  };
  const timer = setInterval(() => void look(), lookEveryMs);
  return {
    look,
    close: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

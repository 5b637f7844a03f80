import { setImmediate } from 'node:timers/promises';

const holdMsMax = 8;

/** Lets others have their turn. */
export const breathe = (): Promise<void> => setImmediate();

/** Called between pieces of long work: lets others have their turn whenever some milliseconds are over. */
export function breather(): () => Promise<void> | null {
  let since = performance.now();
  return () => {
    if (performance.now() - since < holdMsMax) return null;
    return breathe().then(() => {
      since = performance.now();
    });
  };
}

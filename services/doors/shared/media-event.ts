import type { RichValue } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';
import type { Said } from './command-log.js';

/** What is not said of a value is nothing. */
type Told = Partial<RichValue> & Pick<RichValue, 'key' | 'kind' | 'mime'>;

/** One value that is no number, of a run whose client has no writer; null where no key can be called so. */
export function mediaEvent(run: string, id: string, told: Told): Said<'ValuesLogged'> | null {
  if (told.key === '' || told.key.length > limits.keyCharsMax || /[\u0000-\u001f\u007f]/.test(told.key)) return null;
  const value: RichValue = {
    ...{ step: 0, timeMs: 0, index: 0, count: 0, caption: '', facts: {}, text: '', data: new Uint8Array(0) },
    ...{ digest: '', sizeBytes: 0 },
    ...told,
  };
  const data = { values: [value], attemptStartedAtMs: 0, rewindTo: 0, hasRewindTo: false };
  return { name: 'ValuesLogged', subject: run, id, data };
}

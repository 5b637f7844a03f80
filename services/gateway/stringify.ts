import { writeExactJson } from '#libs/domain/exact-json.js';
import { breather } from '../http/breathe.js';

const itemsAtOnce = 5_000;
/** Answers are objects and lists in each other down to columns of numbers; what lies deeper is small. */
const levels = 8;

/** JSON of an answer, in pieces: megabytes of numbers take long, and others are served meanwhile. */
export async function stringify(value: unknown): Promise<string> {
  const pause = breather();
  const parts: string[] = [];
  const write = async (item: unknown, left: number): Promise<void> => {
    const wait = pause();
    if (wait) await wait;
    if (left === 0 || typeof item !== 'object' || item === null || 'toJSON' in item) {
      parts.push(writeExactJson(item) ?? 'null');
    } else if (Array.isArray(item)) {
      parts.push('[');
      if (typeof item[0] === 'object' && item[0] !== null) {
        for (const [index, each] of item.entries()) {
          if (index > 0) parts.push(',');
          await write(each, left - 1);
        }
      } else {
        for (let at = 0; at < item.length; at += itemsAtOnce) {
          if (at > 0) parts.push(',');
          parts.push(JSON.stringify(item.slice(at, at + itemsAtOnce)).slice(1, -1));
          await pause();
        }
      }
      parts.push(']');
    } else {
      let first = true;
      parts.push('{');
      for (const [key, each] of Object.entries(item)) {
        if (each === undefined) continue;
        parts.push(`${first ? '' : ','}${JSON.stringify(key)}:`);
        first = false;
        await write(each, left - 1);
      }
      parts.push('}');
    }
  };
  await write(value, levels);
  return parts.join('');
}

import { isObject, type JsonObject } from '#libs/domain/plain-json.js';

/**
 * JSON as W&B's clients write it: NaN and infinities stand in it as bare words, as Python's json module has them. Read here, they are the
 * numbers they say; written here, they are those words again.
 */
const word = /"(?:[^"\\]|\\.)*"|-?Infinity\b|NaN\b/g;
const mark = '\u0000';
const oddOf: Readonly<Record<string, number>> = {
  [`${mark}NaN`]: NaN,
  [`${mark}Infinity`]: Infinity,
  [`${mark}-Infinity`]: -Infinity,
};

/** undefined where it is no JSON even so. */
export function readLooseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // read again below, unless no such word can be the reason
  }
  if (!/NaN|Infinity/.test(text)) return undefined;
  const marked = text.replace(word, (part) => (part.startsWith('"') ? part : `"\\u0000${part}"`));
  try {
    return JSON.parse(marked, (_, value: unknown) => (typeof value === 'string' ? (oddOf[value] ?? value) : value));
  } catch {
    return undefined;
  }
}

export function readLooseObject(text: string): JsonObject | null {
  const value = readLooseJson(text);
  return isObject(value) ? value : null;
}

/** The same text for the same value; what is no JSON number is its bare word. */
export function writeLooseJson(value: unknown): string {
  let odd = false;
  const text = JSON.stringify(value, (_, each: unknown) => {
    if (typeof each !== 'number' || Number.isFinite(each)) return each;
    odd = true;
    return `${mark}${each}`;
  });
  return odd ? text.replaceAll(/"\\u0000(NaN|-?Infinity)"/g, '$1') : text;
}

/** The value as the log keeps it: JSON proper, in which the odd numbers are texts. */
export const writeStrictJson = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'number' && !Number.isFinite(each) ? String(each) : each,
  );

/** What `writeStrictJson` wrote, with its odd numbers. */
export const oddNumber = (value: unknown): unknown =>
  typeof value === 'string' && Object.hasOwn(oddOf, `${mark}${value}`) ? oddOf[`${mark}${value}`] : value;

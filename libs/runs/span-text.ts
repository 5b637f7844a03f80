import type { Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { isDeeper } from '#libs/domain/json-depth.js';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';

export type SpanJson = JsonObject;

/**
 * A span as OTLP JSON from its row, or from the file that the row names when it was too long for the log. Null for what is none: other
 * doors take any text, and one file that is not there must not hide the other spans.
 */
export async function readSpanText(
  text: string,
  open: (digest: string) => Promise<Readable>,
): Promise<SpanJson | null> {
  const value = spanInRow(text);
  const file = value?.['storedAs'];
  if (typeof file !== 'string') return value;
  try {
    return spanInRow(await readAll(await open(file)));
  } catch (error) {
    if (error instanceof Rejection) return null;
    throw error;
  }
}

/** What is nested deeper than any door takes is no span. */
const levelsMax = 1_000;

/** As it is in its row; null for a text that is no span. */
export function spanInRow(text: string): SpanJson | null {
  const value = jsonOf(text);
  return isObject(value) && !isDeeper(value, levelsMax) ? value : null;
}

export const objectsIn = (value: unknown): readonly SpanJson[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** In order of their starts: nanoseconds of 64 bits, as texts. */
export const compareStarts = (a: SpanJson, b: SpanJson): number => {
  const [left, right] = [a, b].map((span) => textOf(span['startTimeUnixNano']).padStart(20, '0')) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** Numbers of 64 bits may come as numbers. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

/** A value of OTLP as plain JSON. */
export function plainValue(value: SpanJson): unknown {
  const { arrayValue, kvlistValue, intValue, ...other } = value;
  if (isObject(arrayValue)) return objectsIn(arrayValue['values']).map(plainValue);
  if (isObject(kvlistValue))
    return Object.fromEntries(
      objectsIn(kvlistValue['values']).map(({ key, value: held }) => [
        textOf(key),
        isObject(held) ? plainValue(held) : null,
      ]),
    );
  if (intValue !== undefined) return Number(intValue);
  return Object.values(other)[0] ?? null;
}

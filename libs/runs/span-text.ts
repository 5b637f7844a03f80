import type { Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { Rejection } from '#libs/domain/rejection.js';

export type SpanJson = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is SpanJson =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A span as OTLP JSON from its row, or from the file that the row names when it was too long for the log. Null for what is none: other
 * doors take any text, and one file that is not there must not hide the other spans.
 */
export async function readSpanText(
  text: string,
  open: (digest: string) => Promise<Readable>,
): Promise<SpanJson | null> {
  const value = parse(text);
  const file = value?.['storedAs'];
  if (typeof file !== 'string') return value;
  try {
    return parse(await readAll(await open(file)));
  } catch (error) {
    if (error instanceof Rejection) return null;
    throw error;
  }
}

function parse(text: string): SpanJson | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

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
  const { arrayValue, kvlistValue, intValue, ...other } = value as {
    arrayValue?: { values?: readonly SpanJson[] };
    kvlistValue?: { values?: readonly { readonly key: string; readonly value: SpanJson }[] };
    intValue?: string;
  };
  if (arrayValue) return (arrayValue.values ?? []).map(plainValue);
  if (kvlistValue)
    return Object.fromEntries((kvlistValue.values ?? []).map((pair) => [pair.key, plainValue(pair.value)]));
  if (intValue !== undefined) return Number(intValue);
  return Object.values(other)[0] ?? null;
}

/** Who said it, the higher wins: nobody, another rank's RunStarted, rank 0's (or a client's without ranks), an event of its own. */
export type Origin = 0 | 1 | 2 | 3;
export interface Origined<T> {
  readonly value: T;
  readonly origin: Origin;
}

const missing = (value: unknown): boolean => value === '' || value === null || value === 0;

/** A missing value says nothing; the first of equal origin stays, save that the latest explicit word wins. */
export function merge<T>(known: Origined<T>, value: T, origin: Origin): Origined<T> {
  if (missing(value)) return known.origin === 0 && value !== known.value ? { value, origin: 0 } : known;
  return origin > known.origin || origin === 3 ? { value, origin } : known;
}

export const given = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;

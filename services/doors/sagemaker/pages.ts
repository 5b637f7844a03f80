import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { invalid } from './read-input.js';

export const defaultPage = 10;

/** A slice of rows, and the token of the next one; it is good for the question that it came from. */
export function pageOf<T>(
  rows: readonly T[],
  { MaxResults, NextToken }: { readonly MaxResults?: number | undefined; readonly NextToken?: string | undefined },
  question: string,
): { readonly rows: readonly T[]; readonly next: { readonly NextToken?: string } } {
  const offset = readToken(NextToken, question);
  const end = offset + (MaxResults ?? defaultPage);
  return {
    rows: rows.slice(offset, end),
    next:
      end < rows.length
        ? { NextToken: Buffer.from(JSON.stringify({ offset: end, question })).toString('base64url') }
        : {},
  };
}

function readToken(token: string | undefined, question: string): number {
  if (token === undefined || token === '') return 0;
  const said = jsonOf(Buffer.from(token, 'base64url').toString('utf8'));
  const { offset, question: of } = isObject(said) ? said : {};
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0 || of !== question)
    throw invalid('The NextToken is invalid or belongs to another request.');
  return offset;
}

interface Sorting {
  readonly CreatedAfter?: number | undefined;
  readonly CreatedBefore?: number | undefined;
  readonly SortBy?: string | undefined;
  readonly SortOrder?: 'Ascending' | 'Descending' | undefined;
}

/** By time, newest first, unless something else is asked for; names by their letters, whatever their case. */
export function sortRows<T>(
  rows: readonly T[],
  asked: Sorting,
  of: { readonly name: (row: T) => string; readonly createdAt: (row: T) => number },
): readonly T[] {
  const { CreatedAfter: after = -Infinity, CreatedBefore: before = Infinity } = asked;
  const seen = rows.filter((row) => of.createdAt(row) >= after && of.createdAt(row) <= before);
  const byName = (a: T, b: T): number => compareTexts(of.name(a).toLowerCase(), of.name(b).toLowerCase());
  const order =
    asked.SortBy === 'Name' ? byName : (a: T, b: T): number => of.createdAt(a) - of.createdAt(b) || byName(a, b);
  return seen.toSorted((a, b) => (asked.SortOrder === 'Ascending' ? order(a, b) : order(b, a)));
}
export const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

import { createHash } from 'node:crypto';
import { Rejection } from '#libs/domain/rejection.js';

export type CursorValue = string | number | boolean | null;
export interface Cursor {
  readonly values: readonly CursorValue[];
  readonly id: string;
}

/** Cursors of one query are not those of another: everything that shapes the order and the set goes into the hash. */
export const queryHash = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 12);

const pack = (value: CursorValue): CursorValue | [string] =>
  typeof value === 'number' && !Number.isFinite(value) ? [String(value)] : value;
const unpack = (value: unknown): CursorValue => (Array.isArray(value) ? Number(value[0]) : (value as CursorValue));

export function printCursor(hash: string, cursor: Cursor): string {
  return Buffer.from(JSON.stringify([hash, cursor.id, ...cursor.values.map(pack)])).toString('base64url');
}

export function readCursor(text: string, hash: string, types: readonly ('text' | 'number' | 'boolean')[]): Cursor {
  const bad = (): Rejection =>
    new Rejection(
      'INVALID_ARGUMENT',
      'after: this cursor belongs to another query or is damaged; begin without one',
      'after',
    );
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw bad();
  }
  if (
    !Array.isArray(parts) ||
    parts.length !== types.length + 2 ||
    parts[0] !== hash ||
    typeof parts[1] !== 'string' ||
    parts[1].includes('\u0000')
  )
    throw bad();
  const values = parts.slice(2).map(unpack);
  const fits = (value: CursorValue, type: 'text' | 'number' | 'boolean'): boolean =>
    value === null ||
    (type === 'text' ? typeof value === 'string' && !value.includes('\u0000') : typeof value === type);
  if (!types.every((type, index) => fits(values[index]!, type))) throw bad();
  return { id: parts[1], values };
}

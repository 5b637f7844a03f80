import type { Fields } from './fields.js';
import type { World } from './world.js';
import { invalid } from './mlflow-error.js';

/** One request to an endpoint, decoded. */
export interface Call {
  readonly world: World;
  readonly fields: Fields;
  /** The variable parts of the path, in order. */
  readonly path: readonly string[];
  /** The request as it came. */
  readonly body: Uint8Array;
}
export type Answer = Readonly<Record<string, unknown>>;
export type Handler = (call: Call) => Promise<Answer>;

/** Page tokens say how many rows came before, as MLflow's do. */
export function readOffset(token: string): number {
  if (token === '') return 0;
  if (token.length > 1_000) throw invalid('Invalid page token, could not be decoded');
  try {
    const { offset } = JSON.parse(Buffer.from(token, 'base64').toString('utf8')) as { offset?: unknown };
    if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return offset;
  } catch {
    // said below
  }
  throw invalid(`Invalid page token, could not be decoded: '${token.slice(0, 100)}'`);
}
export const writeOffset = (offset: number): string => Buffer.from(JSON.stringify({ offset })).toString('base64');

export function pageOf<T>(
  rows: readonly T[],
  max: number,
  token: string,
): { readonly rows: readonly T[]; readonly token: string | null } {
  const offset = readOffset(token);
  const next = offset + max;
  return { rows: rows.slice(offset, next), token: next < rows.length ? writeOffset(next) : null };
}
/** A number as JSON can say it. */
export const writeNumber = (value: number): number | string =>
  Number.isFinite(value) ? value : Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';

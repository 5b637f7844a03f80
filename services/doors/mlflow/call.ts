import type { Fields } from './fields.js';
import type { World } from './world.js';
import { isObject, jsonOf } from '#libs/domain/plain-json.js';
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

/** Page tokens say how many rows came before, as MLflow's do. `of`: the query, where a token is good for that one only. */
export function readOffset(token: string, of?: string): number {
  if (token === '') return 0;
  if (token.length > 1_000) throw invalid('Invalid page token, could not be decoded');
  const said = jsonOf(Buffer.from(token, 'base64').toString('utf8'));
  const { offset, query } = isObject(said) ? said : {};
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0)
    throw invalid(`Invalid page token, could not be decoded: '${token.slice(0, 100)}'`);
  if (query !== of) throw invalid('Invalid page token: it belongs to another experiment, filter or order_by');
  return offset;
}
export const writeOffset = (offset: number, of?: string): string =>
  Buffer.from(JSON.stringify({ offset, query: of })).toString('base64');

export function pageOf<T>(
  rows: readonly T[],
  max: number,
  token: string,
  of?: string,
): { readonly rows: readonly T[]; readonly token: string | null } {
  const offset = readOffset(token, of);
  const next = offset + max;
  return { rows: rows.slice(offset, next), token: next < rows.length ? writeOffset(next, of) : null };
}
/** A number as JSON can say it. */
export const writeNumber = (value: number): number | string =>
  Number.isFinite(value) ? value : Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';

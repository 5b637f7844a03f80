import { maskValue } from './masks.js';

/** What people say, in the form the wire has for it. Nothing here throws, whatever the value is. */
const depthMax = 90; // the server takes 100 levels
const odd: Readonly<Record<string, string>> = { NaN: 'NaN', Infinity: 'Infinity', '-Infinity': '-Infinity' };

/** Any value as text that UTF-8 can say, cut to its limit. */
export function text(value: unknown, charsMax = 60_000): string {
  if (value === null || value === undefined) return '';
  let said: string;
  try {
    said = typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('utf8') : worded(value);
  } catch {
    said = `<a ${typeof value} that can't be printed>`;
  }
  return Buffer.from(said.slice(0, charsMax)).toString('utf8');
}

function worded(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === 'function') return value.name || 'function';
  // null-prototype objects have no text of their own
  if (typeof value === 'object' && typeof (value as { toString?: unknown }).toString !== 'function')
    return JSON.stringify(value);
  return String(value);
}

/** A whole number from whatever says one; null when it says none. */
export function whole(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : metric(value);
  return number !== null && Number.isSafeInteger(number) ? number : null;
}

/** A number, a bigint or a boolean as a metric; null for what is none. */
export function metric(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  return value instanceof Number ? value.valueOf() : null;
}

/** Marks what is one value, however many fields it has. */
export const leaf = Symbol('one value');

export const goodKey = (key: string): boolean => key !== '' && key.length <= 500 && !/[\u0000-\u001f\u007f]/.test(key);

/** What a record of any kind holds by name; null for other values. */
export function entriesOf(value: unknown): [string, unknown][] | null {
  if (typeof value !== 'object' || value === null) return null;
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].map(([key, item]) => [text(key, 1_000), item]);
  if (Array.isArray(value) || value instanceof Set || isScalarObject(value)) return null;
  return Object.keys(value).map((key) => [key, guarded(() => (value as Record<string, unknown>)[key])]);
}

const isScalarObject = (value: object): boolean =>
  value instanceof Date ||
  value instanceof URL ||
  value instanceof RegExp ||
  value instanceof Error ||
  value instanceof Number ||
  value instanceof String ||
  value instanceof Boolean ||
  value instanceof Promise ||
  value instanceof WeakMap ||
  value instanceof ArrayBuffer ||
  ArrayBuffer.isView(value) ||
  leaf in value ||
  typeof (value as { toJSON?: unknown }).toJSON === 'function';

function guarded(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return "<can't be read>";
  }
}

/** JSON text of any value: a list stays a list, one odd element becomes text by itself, a bigint keeps its digits. */
export function jsonText(value: unknown, name = '', path: readonly unknown[] = []): string {
  try {
    return written(value, name, path);
  } catch {
    return JSON.stringify(text(value));
  }
}

function written(value: unknown, name: string, path: readonly unknown[]): string {
  switch (typeof value) {
    case 'undefined':
      return 'null';
    case 'boolean':
      return String(value);
    case 'number':
      return Number.isFinite(value)
        ? Object.is(value, -0)
          ? '-0.0'
          : JSON.stringify(value)
        : `"${odd[String(value)]}"`;
    case 'bigint':
      return value.toString();
    case 'string':
      return JSON.stringify(maskValue(name, text(value, 10_000_000)));
    case 'object':
      break;
    case 'function':
    case 'symbol':
      return JSON.stringify(text(value));
  }
  if (value === null) return 'null';
  if (path.includes(value)) return '"<loop>"';
  if (path.length >= depthMax) return '"<too deep>"';
  const inside = [...path, value];
  if (value instanceof Number || value instanceof String || value instanceof Boolean)
    return written(value.valueOf(), name, path);
  if (value instanceof Date)
    return JSON.stringify(Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString());
  if (Buffer.isBuffer(value)) return JSON.stringify(text(value));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return list(Array.from(value as unknown as ArrayLike<number | bigint>), inside);
  if (Array.isArray(value)) return list(value, inside);
  if (value instanceof Set)
    return `[${[...value]
      .map((item) => jsonText(item, '', inside))
      .sort(inOrder)
      .join(',')}]`;
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return jsonText(toJSON.call(value), name, inside);
  const entries = entriesOf(value);
  if (entries === null) return JSON.stringify(text(value));
  const fields = entries
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(text(key, 1_000))}:${jsonText(item, key, inside)}`);
  return `{${fields.join(',')}}`;
}

const list = (items: readonly unknown[], inside: readonly unknown[]): string =>
  `[${Array.from(items, (item) => jsonText(item, '', inside)).join(',')}]`;

function inOrder(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : a > b ? 1 : 0) : x - y;
}

/** Nested records become keys with dots; a record that contains itself ends there. What is no record at all is kept as `value`. */
export function flatten(values: unknown, prefix = '', above: readonly unknown[] = []): [string, unknown][] {
  const entries = entriesOf(values);
  if (entries === null)
    return values === null || values === undefined ? [] : [[prefix.slice(0, -1) || 'value', values]];
  const inside = [...above, values];
  return entries.flatMap(([key, value]): [string, unknown][] => {
    const name = `${prefix}${key}`;
    if (inside.includes(value)) return [[name, '<loop>']];
    const nested = inside.length < depthMax ? entriesOf(value) : null;
    return nested !== null && nested.length > 0 ? flatten(value, `${name}.`, inside) : [[name, value]];
  });
}

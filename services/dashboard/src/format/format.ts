import type { Float64, Json } from '../data/scalars.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** A run that nobody has named is known by its id. */
export const nameOf = (run: { readonly id: string; readonly name: string }): string =>
  run.name.trim() === '' ? run.id : run.name;

export function formatDuration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '–';
  if (ms <= 0) return '0s';
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < minute) return `${Math.floor(ms / 1000)}s`;
  if (ms < hour) return `${Math.floor(ms / minute)}m ${String(Math.floor((ms % minute) / 1000)).padStart(2, '0')}s`;
  if (ms < day) return `${Math.floor(ms / hour)}h ${String(Math.floor((ms % hour) / minute)).padStart(2, '0')}m`;
  return `${Math.floor(ms / day)}d ${Math.floor((ms % day) / hour)}h`;
}

/** How long ago, as a person says it: one unit is enough. */
export function formatAgo(at: number | null, now: number): string {
  if (at === null) return 'never';
  const ms = now - at;
  if (ms < 5000) return 'just now';
  if (ms < minute) return `${Math.floor(ms / 1000)}s ago`;
  if (ms < hour) return `${Math.floor(ms / minute)} min ago`;
  if (ms < day) return `${Math.floor(ms / hour)} h ago`;
  return `${Math.floor(ms / day)} d ago`;
}

/** Six significant digits, without the noise of trailing zeros; exponents only where digits would be lost. */
export function formatNumber(value: Float64): string {
  if (value === null) return '–';
  if (typeof value === 'string') return value === 'Infinity' ? '∞' : value === '-Infinity' ? '−∞' : 'NaN';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return value.toLocaleString('en-US');
  if (size >= 1e6 || size < 1e-4) return trimExponent(value.toExponential(3));
  return String(Number(value.toPrecision(5)));
}

function trimExponent(text: string): string {
  return text.replace(/\.?0+e/, 'e').replace('e+', 'e');
}

export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '–';
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit] ?? ''}`;
}

export function formatDateTime(at: number | null): string {
  if (at === null) return '–';
  const date = new Date(at);
  const two = (n: number): string => String(n).padStart(2, '0');
  const ymd = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${ymd} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export function formatJson(value: Json): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A param in a narrow cell: a long fraction is shortened, everything else stands as it was given. */
export function formatParam(value: Json): string {
  return typeof value === 'number' && !Number.isInteger(value)
    ? String(Number(value.toPrecision(6)))
    : formatJson(value);
}

/** Like formatAgo, to the second within the hour: how long a rank has been silent matters. */
export function formatSilence(at: number | null, now: number): string {
  if (at === null) return 'never';
  const ms = now - at;
  return ms >= minute && ms < hour ? `${formatDuration(ms)} ago` : formatAgo(at, now);
}

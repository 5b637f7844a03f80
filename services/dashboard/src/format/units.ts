import { formatBytes, formatNumber } from './format.js';

const rounded = (value: number): string => formatNumber(Number(value.toPrecision(4)));
const bytes = (value: number): string => formatBytes(Number(value.toPrecision(4)));

/** By how the keys of the SDKs' own metrics end (docs/decisions/0051). */
const units: readonly (readonly [string, (value: number) => string])[] = [
  ['_bytes_per_s', (value) => `${bytes(value)}/s`],
  ['_bytes', bytes],
  ['_percent', (value) => `${rounded(value)} %`],
  ['_watts', (value) => `${rounded(value)} W`],
  ['_celsius', (value) => `${rounded(value)} °C`],
  ['_mhz', (value) => `${rounded(value)} MHz`],
  ['_kwh', (value) => `${rounded(value)} kWh`],
];

/** Metrics of the machine: their steps are none of the training. */
export const ofTheMachine = (key: string): boolean => key.startsWith('system/');

/** How values of a metric are written: with its unit where its name says one; what a training logs is anybody's. */
export function formatterOf(key: string): (value: number | null) => string {
  const unit = ofTheMachine(key) ? units.find(([end]) => key.endsWith(end))?.[1] : undefined;
  if (unit === undefined) return formatNumber;
  return (value) => (value === null || !Number.isFinite(value) ? formatNumber(value) : unit(value));
}

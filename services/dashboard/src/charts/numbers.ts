import type { Float64 } from '../data/scalars.js';

/** The wire's numbers: NaN and infinities come as strings, a missing value as null. */
export function readFloat(value: Float64): number | null {
  return value === null ? null : Number(value);
}

export function readFloats(values: readonly Float64[]): (number | null)[] {
  return values.map(readFloat);
}

/** Exponential moving average without the pull of the start (each value divided by the weights seen); gaps stay gaps. */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values];
  let mean = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    mean = mean * weight + value * (1 - weight);
    seen = seen * weight + (1 - weight);
    return mean / seen;
  });
}

/** Lowest and highest of what can be drawn, with a margin; on a log scale only what is above zero counts. */
export function rangeOf(columns: readonly (readonly (number | null)[])[], log: boolean): [number, number] | null {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const column of columns) {
    for (const value of column) {
      if (value === null || !Number.isFinite(value) || (log && value <= 0)) continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (min > max) return null;
  if (log) return min === max ? [min / 2, max * 2] : [min / 1.08, max * 1.08];
  const margin = min === max ? Math.abs(min) * 0.1 || 1 : (max - min) * 0.06;
  return [min - margin, max + margin];
}

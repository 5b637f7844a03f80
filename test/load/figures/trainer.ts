import type { PointBlock } from '#libs/domain/event.js';

/** Curves as trainers see them: falling to a floor, 5 % of noise, float32 as frameworks give them (`double`: noise in every bit). */
export function trainerBlock(
  from: number,
  steps: number,
  keys: number,
  as: 'single' | 'double' = 'single',
): PointBlock {
  const values = new Float64Array(keys * steps);
  for (let k = 0; k < keys; k++) {
    for (let i = 0; i < steps; i++) {
      const value = (k + 1) * (0.2 + Math.exp(-(from + i) / 50_000)) * (1 + (Math.random() - 0.5) * 0.1);
      values[k * steps + i] = as === 'single' ? Math.fround(value) : value;
    }
  }
  const startedAt = Date.parse('2026-01-01T00:00:00Z');
  return {
    keys: keyNames(keys),
    steps: Float64Array.from({ length: steps }, (_, i) => from + i),
    times: Float64Array.from({ length: steps }, (_, i) => startedAt + (from + i) * 100 + Math.floor(Math.random() * 9)),
    values,
    everyValue: false,
  };
}

export const keyNames = (keys: number): string[] =>
  Array.from({ length: keys }, (_, k) => (k === 0 ? 'train/loss' : `layers/${k}/grad_norm`));

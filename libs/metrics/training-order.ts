/** Compares attempts of a run by when they began (Unix ms; absent or 0: not told), then by number. */
export const trainingOrder =
  (startedAt: ReadonlyMap<number, number>) =>
  (a: number, b: number): number =>
    (startedAt.get(a) ?? 0) - (startedAt.get(b) ?? 0) || a - b;

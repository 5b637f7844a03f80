/**
 * Which batches of a writer have been seen: everything up to `contiguous`, and the ranges above it. The result depends on the set of
 * numbers only, not on their order. Gaps in between are what is missing.
 */
export interface SeqIntervals {
  readonly contiguous: number;
  /** Seen ranges above `contiguous`: inclusive, ascending, apart by at least one. */
  readonly above: readonly (readonly [from: number, to: number])[];
}
export const noSeqs: SeqIntervals = { contiguous: 0, above: [] };

export function hasSeq(seen: SeqIntervals, seq: number): boolean {
  return seq <= seen.contiguous || seen.above.some(([from, to]) => seq >= from && seq <= to);
}

export function addSeq(seen: SeqIntervals, seq: number): SeqIntervals {
  if (seq === seen.contiguous + 1 && seen.above.length === 0) return { contiguous: seq, above: seen.above };
  if (hasSeq(seen, seq)) return seen;
  let from = seq;
  let to = seq;
  const above: (readonly [number, number])[] = [];
  for (const range of seen.above) {
    if (range[1] === seq - 1) from = range[0];
    else if (range[0] === seq + 1) to = range[1];
    else above.push(range);
  }
  if (from === seen.contiguous + 1) return { contiguous: to, above };
  above.push([from, to]);
  return { contiguous: seen.contiguous, above: above.sort((a, b) => a[0] - b[0]) };
}

export const maxSeq = (seen: SeqIntervals): number => seen.above.at(-1)?.[1] ?? seen.contiguous;

/** Inclusive ranges missing below the highest number seen. */
export function gapsOf(seen: SeqIntervals): readonly (readonly [from: number, to: number])[] {
  let next = seen.contiguous + 1;
  return seen.above.map(([from, to]) => {
    const gap = [next, from - 1] as const;
    next = to + 1;
    return gap;
  });
}

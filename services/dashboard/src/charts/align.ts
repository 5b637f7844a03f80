/** Puts columns with x of their own on one shared, sorted x; null where a line has nothing. */
export function align(lines: readonly { x: readonly number[]; columns: readonly (readonly (number | null)[])[] }[]): {
  x: number[];
  columns: (number | null)[][][];
} {
  const only = lines[0];
  if (lines.length === 1 && only !== undefined) {
    return { x: [...only.x], columns: [only.columns.map((column) => [...column])] };
  }
  const all = new Set<number>();
  for (const line of lines) for (const x of line.x) all.add(x);
  const x = Float64Array.from(all).sort();
  const slots = new Map<number, number>();
  x.forEach((at, slot) => slots.set(at, slot));
  const columns = lines.map((line) =>
    line.columns.map((column) => {
      const spread = new Array<number | null>(x.length).fill(null);
      line.x.forEach((at, i) => {
        spread[slots.get(at) ?? 0] = column[i] ?? null;
      });
      return spread;
    }),
  );
  return { x: [...x], columns };
}

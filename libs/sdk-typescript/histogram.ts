export const binsMax = 512;

interface Found {
  readonly data: { readonly edges: readonly number[]; readonly counts: readonly number[] };
  readonly facts: Readonly<Record<string, number>>;
}

/** Counts of the finite values between their least and their greatest, or a histogram that is there already. */
export function histogramOf(
  values: ArrayLike<number> | { readonly counts: ArrayLike<number>; readonly edges: ArrayLike<number> },
  bins: number,
): Found {
  if ('counts' in values) return given(Array.from(values.counts), Array.from(values.edges));
  if (!Number.isInteger(bins) || bins < 1 || bins > binsMax)
    throw new RangeError(`bins: 1 to ${binsMax}, not ${String(bins)}`);
  let [count, nan, low, high, sum] = [0, 0, Infinity, -Infinity, 0];
  for (let at = 0; at < values.length; at++) {
    const value = Number(values[at]);
    if (Number.isNaN(value)) nan += 1;
    if (!Number.isFinite(value)) continue;
    count += 1;
    sum += value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const infinite = values.length - count - nan;
  const odd = { ...(nan > 0 && { nan }), ...(infinite > 0 && { infinite }) };
  const counts = new Array<number>(bins).fill(0);
  if (count === 0) return { data: { edges: edgesOf(0, 1, bins), counts }, facts: { count, ...odd } };
  const mean = sum / count;
  const [from, to] = low === high ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high];
  let squares = 0;
  for (let at = 0; at < values.length; at++) {
    const value = Number(values[at]);
    if (!Number.isFinite(value)) continue;
    squares += (value - mean) ** 2;
    counts[Math.min(bins - 1, Math.floor(((value - from) / (to - from)) * bins))]! += 1;
  }
  const facts = { count, ...odd, min: low, max: high, mean, std: Math.sqrt(squares / count) };
  return { data: { edges: edgesOf(from, to, bins), counts }, facts };
}

const edgesOf = (low: number, high: number, bins: number): number[] =>
  Array.from({ length: bins + 1 }, (_, at) => (at === bins ? high : low + ((high - low) / bins) * at));

function given(counts: readonly number[], edges: readonly number[]): Found {
  if (counts.length === 0 || counts.length > binsMax || edges.length !== counts.length + 1)
    throw new RangeError(
      `${counts.length} counts and ${edges.length} edges; there is one edge more than counts, of which at most ${binsMax}`,
    );
  if (![...counts, ...edges].every(Number.isFinite) || edges.some((edge, at) => at > 0 && edge < edges[at - 1]!))
    throw new RangeError('counts and edges are finite, and edges grow');
  return { data: { edges, counts }, facts: { count: counts.reduce((sum, one) => sum + one, 0) } };
}

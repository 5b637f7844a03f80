import type { ResultColumns } from '#libs/clickhouse/native-block.js';
import type { BandColumns } from '../metric-store.js';

/** Per bucket: extremes of all points, and quantiles over the ranks, each with its last value in the bucket. */
export const selectBand = (buckets: string, origin: number, width: number): string =>
  `SELECT toFloat64(b) * ${width} + (${origin}) AS x, min(lo) AS min, max(hi) AS max, argMin(rank, lo) AS min_rank, argMax(rank, hi) AS max_rank,
     quantilesExactInclusive(0.05, 0.5, 0.95)(lv) AS q, groupArray(rank) AS ranks, groupArray(lv) AS lasts
   FROM (${buckets}) WHERE n > 0 GROUP BY b ORDER BY b`;

export function readBand(key: string, rows: ResultColumns): BandColumns {
  if (rows.rows === 0) return emptyBand(key);
  const quantiles = rows.arrays('q').values as Float64Array;
  const quantile = (index: number): Float64Array =>
    Float64Array.from({ length: rows.rows }, (_, i) => quantiles[i * 3 + index]!);
  const p50 = quantile(1);
  const { ranks, worst } = worstRank(rows, p50);
  return {
    key,
    x: rows.f64('x'),
    min: rows.f64('min'),
    p5: quantile(0),
    p50,
    p95: quantile(2),
    max: rows.f64('max'),
    minRank: Int32Array.from(rows.u32('min_rank')),
    maxRank: Int32Array.from(rows.u32('max_rank')),
    ranks,
    worstRank: worst?.rank ?? null,
    worstScore: worst?.score ?? null,
  };
}

export function emptyBand(key: string): BandColumns {
  const none = new Float64Array(0);
  const nobody = new Int32Array(0);
  const columns = { x: none, min: none, p5: none, p50: none, p95: none, max: none, minRank: nobody, maxRank: nobody };
  return { key, ...columns, ranks: 0, worstRank: null, worstScore: null };
}

/** A normal distribution's standard deviation is 1.4826 times its median absolute deviation (Rousseeuw and Croux, 1993). */
const madToDeviation = 1.4826;
/** The same for the mean absolute deviation, which serves where more than half of the ranks agree exactly. */
const meanToDeviation = 1.2533;

/** The rank whose mean distance from the buckets' medians is farthest from that of the other ranks, in robust deviations. */
function worstRank(
  rows: ResultColumns,
  p50: Float64Array,
): { ranks: number; worst: { rank: number; score: number } | null } {
  const offsets = rows.arrays('ranks').offsets;
  const ranks = rows.arrays('ranks').values as Uint32Array;
  const lasts = rows.arrays('lasts').values as Float64Array;
  // ranks number at most a million (`limits.rankMax`): an entry for each is cheaper than finding it by name
  let highest = -1;
  for (const rank of ranks) if (rank > highest) highest = rank;
  const sums = new Float64Array(highest + 1);
  const counts = new Uint32Array(highest + 1);
  for (let bucket = 0, i = 0; bucket < rows.rows; bucket++) {
    for (const end = Number(offsets[bucket]); i < end; i++) {
      sums[ranks[i]!]! += lasts[i]! - p50[bucket]!;
      counts[ranks[i]!]!++;
    }
  }
  const distances: { rank: number; distance: number }[] = [];
  for (let rank = 0; rank <= highest; rank++)
    if (counts[rank]! > 0) distances.push({ rank, distance: sums[rank]! / counts[rank]! });
  if (distances.length < 3) return { ranks: distances.length, worst: null };
  const middle = median(distances.map(({ distance }) => distance));
  const off = distances.map(({ rank, distance }) => ({ rank, off: Math.abs(distance - middle) }));
  const mad = median(off.map((entry) => entry.off));
  const scale =
    mad > 0 ? madToDeviation * mad : (meanToDeviation * off.reduce((sum, entry) => sum + entry.off, 0)) / off.length;
  if (!(scale > 0)) return { ranks: distances.length, worst: null };
  off.sort((a, b) => b.off - a.off || a.rank - b.rank);
  return { ranks: distances.length, worst: { rank: off[0]!.rank, score: off[0]!.off / scale } };
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

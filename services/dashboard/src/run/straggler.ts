import type { BandFragment, RankStateFragment } from '../generated/questions.js';
import { readFloat } from '../charts/numbers.js';

/**
 * Who holds the others up? In a synchronous job every rank waits for the slowest in each step, so all steps take the same time and
 * the time of a step names nobody: what differs by noise would be called slow. True there is what a rank says of its own work:
 * the straggler computes longest, or waits least. In a job that does not wait, the rank whose steps take longest is the one.
 */
export type Straggler =
  | { kind: 'nobody'; lockstep: boolean; stepMs: number | null; told: readonly string[] }
  /** Its own steps take longer: the ranks do not wait for each other. */
  | { kind: 'steps'; rank: number; value: number; median: number }
  /** By a metric of its own work, or of its waiting. */
  | { kind: 'works' | 'waits'; rank: number; key: string; value: number; median: number; lockstep: boolean };

/** Steps within this share of each other are the same: the ranks wait for each other. */
const lockstepShare = 0.1;
/** A rank counts when it is this far from the median in most of the window. */
const factorMin = 1.25;
const shareMin = 0.6;

const unit = '\\w*[/_.](?:ms|us|s|secs?|seconds|time|duration)$';
const worked = new RegExp(
  `(?:^|[/_.])(?:compute|forward|backward|fwd|bwd|data|load|io|work|kernel|gpu|batch|iter)${unit}`,
  'i',
);
const waited = new RegExp(`(?:^|[/_.])(?:wait|barrier|idle|sync|all_?reduce|comm|nccl)${unit}`, 'i');
const tells = (pattern: RegExp, key: string): boolean => pattern.test(key.replaceAll(/([a-z])([A-Z])/g, '$1_$2'));

/** Metrics by whose name a rank tells how long it worked or waited. */
export function tellingKeys(keys: readonly string[], countMax = 4): string[] {
  return keys.filter((key) => tells(worked, key) || tells(waited, key)).slice(0, countMax);
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? null;
}

interface Far {
  rank: number;
  value: number;
  median: number;
}

/** The rank that is at one end of the band in most of its newest buckets, and far enough from the median there. */
function farthest(band: BandFragment, end: 'max' | 'min'): Far | null {
  const ranks = end === 'max' ? band.maxRank : band.minRank;
  const from = Math.max(0, ranks.length - 60);
  const counts = new Map<number, number>();
  for (const rank of ranks.slice(from)) counts.set(rank, (counts.get(rank) ?? 0) + 1);
  const [rank, count] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [null, 0];
  if (rank === null || count < shareMin * (ranks.length - from)) return null;
  const at = (values: BandFragment['max']): number | null =>
    median(values.flatMap((value, i) => (i >= from && ranks[i] === rank ? (readFloat(value) ?? []) : [])));
  const [value, middle] = [at(band[end]), at(band.p50)];
  if (value === null || middle === null || !(middle > 0) || value < 0) return null;
  const far = end === 'max' ? value >= factorMin * middle : middle >= factorMin * value;
  return far ? { rank, value, median: middle } : null;
}

export function findStraggler(ranks: readonly RankStateFragment[], bands: readonly BandFragment[]): Straggler {
  const steps = ranks.flatMap(({ stepMs }) => (stepMs === null ? [] : [stepMs]));
  const stepMs = median(steps);
  // half the ranks may be at any pace; the job keeps step when nearly all do
  const together = stepMs === null ? 0 : steps.filter((ms) => Math.abs(ms - stepMs) <= lockstepShare * stepMs).length;
  const lockstep = steps.length > 1 && together >= 0.9 * steps.length;
  const slow = ranks
    .filter(({ stepMs: own }) => own !== null && stepMs !== null && own >= factorMin * stepMs)
    .sort((a, b) => (b.stepMs ?? 0) - (a.stepMs ?? 0))[0];
  const several = bands.filter((band) => band.ranks > 2);
  for (const band of several.filter(({ key }) => tells(worked, key))) {
    const far = farthest(band, 'max');
    if (far !== null) return { kind: 'works', key: band.key, lockstep, ...far };
  }
  for (const band of several.filter(({ key }) => tells(waited, key))) {
    const far = farthest(band, 'min');
    if (far !== null) return { kind: 'waits', key: band.key, lockstep, ...far };
  }
  if (!lockstep && slow !== undefined && stepMs !== null) {
    return { kind: 'steps', rank: slow.rank, value: slow.stepMs ?? 0, median: stepMs };
  }
  return { kind: 'nobody', lockstep, stepMs, told: several.map(({ key }) => key) };
}

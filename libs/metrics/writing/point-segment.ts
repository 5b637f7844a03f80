import type { VersionBase } from './event-version.js';

/**
 * Points of one key from one block: a run of rows with the same run, series, attempt and rank. Versions order the writes of a step:
 * the highest one wins. For a writer it is (seq, position in the event, 12 bits of the writer's name); without one (time, position).
 */
export interface PointSegment {
  readonly rank: number;
  readonly steps: Float64Array;
  readonly values: Float64Array;
  /** `values[offset + i]` belongs to `steps[i]`. */
  readonly offset: number;
  readonly minStep: number;
  readonly maxStep: number;
  /** Steps grow strictly. */
  readonly ascending: boolean;
  /** Own times; 0 or null: the record's clock has it. */
  readonly times: Float64Array | null;
  readonly version: VersionBase;
  /** Position in the event of the first step. */
  readonly position: number;
  /** 0; the attempt's number where its steps were counted, so that they stand beside those of other attempts. */
  readonly ord: number;
  /** Several values per step: `ord` is a hash of time and value. */
  readonly everyValue: boolean;
  /** Clock rows: one per (step, record); `ord` is the high half of the version. */
  readonly clock: boolean;
}

/** Rows of one (run, series, attempt). */
export interface PointGroup {
  readonly run: bigint;
  readonly series: bigint;
  readonly attempt: number;
  readonly segments: PointSegment[];
}

/** Segments in the order of the table's key, cut where a chunk of 1,024 steps ends if several ranks share the group. */
export function orderedSegments(group: PointGroup): readonly PointSegment[] {
  const { segments } = group;
  if (segments.length === 1) return segments;
  const ranks = segments.some((segment) => segment.rank !== segments[0]!.rank);
  const pieces = ranks ? segments.flatMap(cutAtChunks) : segments.slice();
  if (isOrdered(pieces)) return pieces;
  return pieces.sort((a, b) => chunkOf(a.minStep) - chunkOf(b.minStep) || a.rank - b.rank || a.minStep - b.minStep);
}

const chunkOf = (step: number): number => Math.trunc(step / 1_024);

function isOrdered(segments: readonly PointSegment[]): boolean {
  for (let i = 1; i < segments.length; i++) {
    const [a, b] = [segments[i - 1]!, segments[i]!];
    const order = chunkOf(a.minStep) - chunkOf(b.minStep) || a.rank - b.rank || a.minStep - b.minStep;
    if (order > 0) return false;
  }
  return true;
}

function cutAtChunks(segment: PointSegment): readonly PointSegment[] {
  if (!segment.ascending || chunkOf(segment.minStep) === chunkOf(segment.maxStep)) return [segment];
  const { steps } = segment;
  const pieces: PointSegment[] = [];
  for (let from = 0, i = 1; i <= steps.length; i++) {
    if (i < steps.length && chunkOf(steps[i]!) === chunkOf(steps[from]!)) continue;
    pieces.push({
      rank: segment.rank,
      steps: steps.subarray(from, i),
      values: segment.values,
      offset: segment.offset + from,
      minStep: steps[from]!,
      maxStep: steps[i - 1]!,
      ascending: segment.ascending,
      times: segment.times?.subarray(from, i) ?? null,
      version: segment.version,
      position: segment.position + from,
      ord: segment.ord,
      everyValue: segment.everyValue,
      clock: segment.clock,
    });
    from = i;
  }
  return pieces;
}

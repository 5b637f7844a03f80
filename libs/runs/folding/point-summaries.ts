import type { PointBlock } from '#libs/domain/event.js';

/** The summary of one metric over the new points of a batch; merged into the stored one by SQL, in any order. */
export interface Summary {
  last: number;
  /** When its attempt began: attempts are ordered by it, then by number. */
  last_started: number;
  last_attempt: number;
  last_step: number;
  last_rank: number;
  last_seq: number;
  last_time: number;
  min: number | null;
  min_step: number | null;
  min_rank: number | null;
  max: number | null;
  max_step: number | null;
  max_rank: number | null;
  count: number;
}
/** Whose points they are. */
export interface Source {
  readonly startedAt: number;
  readonly attempt: number;
  readonly rank: number;
  readonly seq: number;
  /** Unix ms of points that carry no time of their own. */
  readonly timeMs: number;
}

/** Adds the points of one block to the summaries of a run. */
export function addBlock(summaries: Map<string, Summary>, block: PointBlock, source: Source): void {
  const { steps, values, times, everyValue } = block;
  const rows = steps.length;
  for (let k = 0; k < block.keys.length; k++) {
    const key = block.keys[k]!;
    let summary = summaries.get(key);
    if (!summary) {
      summary = {
        last: 0,
        last_started: -Infinity,
        last_attempt: -1,
        last_step: -Infinity,
        last_rank: 0,
        last_seq: 0,
        last_time: 0,
        min: null,
        min_step: null,
        min_rank: null,
        max: null,
        max_step: null,
        max_rank: null,
        count: 0,
      };
      summaries.set(key, summary);
    }
    const base = k * rows;
    let min = Infinity;
    let minAt = -1;
    let max = -Infinity;
    let maxAt = -1;
    let lastAt = 0;
    for (let i = 0; i < rows; i++) {
      const value = values[base + i]!;
      if (everyValue ? isLater(block, base, i, lastAt) : steps[i]! >= steps[lastAt]!) lastAt = i;
      // NaN fails both comparisons, and infinities one of them: where there is no number there is no place either
      if (value <= min && value > -Infinity && (value < min || steps[i]! < steps[minAt]!)) {
        min = value;
        minAt = i;
      }
      if (value >= max && value < Infinity && (value > max || steps[i]! < steps[maxAt]!)) {
        max = value;
        maxAt = i;
      }
    }
    summary.count += rows;
    const time = times ? times[lastAt]! : source.timeMs;
    // where every value of a step counts, the time of a value decides, not when it was sent
    const from = everyValue ? { ...source, seq: time } : source;
    addLast(summary, values[base + lastAt]!, steps[lastAt]!, time, from, everyValue);
    if (minAt >= 0) addMin(summary, min, steps[minAt]!, source.rank);
    if (maxAt >= 0) addMax(summary, max, steps[maxAt]!, source.rank);
  }
}

/** By (step, time, value); NaN above all numbers, as the database orders them. */
function isLater({ steps, times, values }: PointBlock, base: number, i: number, than: number): boolean {
  const ahead = steps[i]! - steps[than]! || (times ? times[i]! - times[than]! : 0);
  return ahead === 0 ? isAbove(values[base + i]!, values[base + than]!) : ahead > 0;
}
const isAbove = (value: number, than: number): boolean => value >= than || Number.isNaN(value);

/** The last value: of the attempt that began last, highest step, lowest rank, highest seq. */
function addLast(
  summary: Summary,
  value: number,
  step: number,
  time: number,
  { startedAt, attempt, rank, seq }: Source,
  everyValue: boolean,
): void {
  const ahead =
    startedAt - summary.last_started ||
    attempt - summary.last_attempt ||
    step - summary.last_step ||
    summary.last_rank - rank ||
    seq - summary.last_seq ||
    0;
  // within one event the later block wins
  if (ahead < 0 || (ahead === 0 && everyValue && !isAbove(value, summary.last))) return;
  summary.last = value + 0;
  summary.last_started = startedAt;
  summary.last_attempt = attempt;
  summary.last_step = step;
  summary.last_rank = rank;
  summary.last_seq = seq;
  summary.last_time = time;
}

function addMin(summary: Summary, value: number, step: number, rank: number): void {
  if (summary.min !== null && (value - summary.min || step - summary.min_step! || rank - summary.min_rank!) >= 0)
    return;
  summary.min = value + 0;
  summary.min_step = step;
  summary.min_rank = rank;
}

function addMax(summary: Summary, value: number, step: number, rank: number): void {
  if (summary.max !== null && (summary.max - value || step - summary.max_step! || rank - summary.max_rank!) >= 0)
    return;
  summary.max = value + 0;
  summary.max_step = step;
  summary.max_rank = rank;
}

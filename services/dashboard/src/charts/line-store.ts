import type { SeriesFragment, XAxis } from '../generated/questions.js';
import type { FrameSeries } from '../data/frame.js';
import { appendBucket, coarsen, emptyBuckets, type Buckets } from './buckets.js';
import { readFloat } from './numbers.js';

export interface Odd {
  x: number;
  value: number;
}
export interface DrawnLine {
  rank: number;
  buckets: Buckets;
  odd: Odd[];
}
interface Tail {
  step: number[];
  value: number[];
  time: number[];
}
interface RankLine {
  history: Buckets;
  odd: Odd[];
  tail: Tail;
  /** Whose points the tail holds; 0: nobody's yet. */
  attempt: number;
  /** Up to this step several attempts may have logged: which of their points are seen is the history's to say. */
  sharedTo: number;
}

const oddMax = 500;

function firstAtOrAfter(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * One metric of one run, for the ranks on show: buckets for the past, raw points for what arrived since. Frames may
 * repeat and overlap: points are upserted by step. Memory is bounded: when a tail is full its older half becomes
 * buckets.
 */
export class LineStore {
  readonly #lines = new Map<number, RankLine>();
  readonly #x: XAxis;
  readonly #startedAt: number;
  readonly #tailPointsMax: number;
  readonly #bucketsMax: number;
  /** Set when points arrived that only the history can put in their place among those of other attempts. */
  historyStale = false;

  constructor(x: XAxis, startedAt: number, tailPointsMax = 4000, bucketsMax = 2000) {
    this.#x = x;
    this.#startedAt = startedAt;
    this.#tailPointsMax = tailPointsMax;
    this.#bucketsMax = bucketsMax;
  }

  #line(rank: number): RankLine {
    let line = this.#lines.get(rank);
    if (line === undefined) {
      line = {
        history: emptyBuckets(),
        odd: [],
        tail: { step: [], value: [], time: [] },
        attempt: 0,
        sharedTo: -Infinity,
      };
      this.#lines.set(rank, line);
    }
    return line;
  }

  #xOf(tail: Tail, i: number): number {
    if (this.#x === 'STEP') return tail.step[i] ?? 0;
    const time = tail.time[i] ?? 0;
    return this.#x === 'TIME' ? time : time - this.#startedAt;
  }

  setHistory(all: readonly SeriesFragment[]): void {
    this.historyStale = false;
    for (const series of all) {
      const line = this.#line(series.rank);
      const history = emptyBuckets();
      for (let i = 0; i < series.x.length; i += 1) {
        const x = readFloat(series.x[i] ?? null);
        const min = readFloat(series.min[i] ?? null);
        const max = readFloat(series.max[i] ?? null);
        const last = readFloat(series.last[i] ?? null);
        if (x === null || min === null || max === null || !Number.isFinite(min) || !Number.isFinite(max)) continue;
        appendBucket(history, x, min, max, last !== null && Number.isFinite(last) ? last : max);
      }
      line.history = history;
      line.odd = series.oddX.slice(-oddMax).flatMap((at, i) => {
        const x = readFloat(at);
        const value = readFloat(series.oddValue.slice(-oddMax)[i] ?? null);
        return x === null || value === null ? [] : [{ x, value }];
      });
    }
  }

  upsert(frame: FrameSeries): void {
    const line = this.#line(frame.rank);
    const { tail } = line;
    if (line.attempt !== frame.attempt) this.#changeAttempt(line, frame);
    for (let i = 0; i < frame.step.length; i += 1) {
      const step = frame.step[i] ?? 0;
      const value = readFloat(frame.value[i] ?? null);
      if (step <= line.sharedTo) this.historyStale = true;
      else if (value !== null) this.#upsertPoint(tail, step, value, frame.time[i] ?? 0);
    }
    if (tail.step.length > this.#tailPointsMax) this.#fold(line);
  }

  /** The tail goes on with another attempt's points, those beyond all that is there; over time they are beyond by themselves. */
  #changeAttempt(line: RankLine, frame: FrameSeries): void {
    const { tail, history } = line;
    if (line.attempt > 0) {
      const shown = this.#x === 'STEP' ? (history.x.at(-1) ?? -Infinity) : -Infinity;
      line.sharedTo = Math.max(line.sharedTo, tail.step.at(-1) ?? -Infinity, shown);
      if (this.#x !== 'STEP' && (frame.time[0] ?? 0) > (tail.time.at(-1) ?? Infinity)) line.sharedTo = -Infinity;
      tail.step.length = tail.value.length = tail.time.length = 0;
      this.historyStale = true;
    }
    line.attempt = frame.attempt;
  }

  #upsertPoint(tail: Tail, step: number, value: number, time: number): void {
    const end = tail.step.length;
    if (end === 0 || step > (tail.step[end - 1] ?? 0)) {
      tail.step.push(step);
      tail.value.push(value);
      tail.time.push(time);
      return;
    }
    const at = firstAtOrAfter(tail.step, step);
    const replaced = tail.step[at] === step ? 1 : 0;
    tail.step.splice(at, replaced, step);
    tail.value.splice(at, replaced, value);
    tail.time.splice(at, replaced, time);
  }

  #fold(line: RankLine): void {
    const { tail } = line;
    const half = tail.step.length >> 1;
    const joined = this.#join(line, half);
    line.history = coarsen(joined.buckets, this.#bucketsMax);
    line.odd = joined.odd.slice(-oddMax);
    for (const column of [tail.step, tail.value, tail.time]) column.splice(0, half);
  }

  /** History up to where the tail begins, then the first `points` of the tail: what is raw wins over what is not. */
  #join(line: RankLine, points: number): { buckets: Buckets; odd: Odd[] } {
    const { history, tail } = line;
    if (points === 0) return { buckets: history, odd: line.odd };
    const tailFrom = this.#xOf(tail, 0);
    const cut = firstAtOrAfter(history.x, tailFrom);
    const buckets: Buckets = {
      x: history.x.slice(0, cut),
      min: history.min.slice(0, cut),
      max: history.max.slice(0, cut),
      last: history.last.slice(0, cut),
    };
    const odd = line.odd.filter((mark) => mark.x < tailFrom);
    for (let i = 0; i < points; i += 1) {
      const value = tail.value[i] ?? 0;
      const x = this.#xOf(tail, i);
      if (Number.isFinite(value)) appendBucket(buckets, x, value, value, value);
      else odd.push({ x, value });
    }
    return { buckets, odd };
  }

  /** Whether points between the history's end and the tail's start may be missing: ask for the history again. */
  gap(): boolean {
    for (const line of this.#lines.values()) {
      const end = line.history.x.at(-1);
      if (line.tail.step.length > 0 && (end === undefined || end < this.#xOf(line.tail, 0))) return true;
    }
    return false;
  }

  empty(): boolean {
    for (const line of this.#lines.values()) if (line.history.x.length + line.tail.step.length > 0) return false;
    return true;
  }

  draw(window: { from: number; to: number } | null, bucketsMax: number): DrawnLine[] {
    const drawn: DrawnLine[] = [];
    for (const [rank, line] of this.#lines) {
      const joined = this.#join(line, line.tail.step.length);
      const inside = window === null ? joined.buckets : within(joined.buckets, window.from, window.to);
      const odd = window === null ? joined.odd : joined.odd.filter((o) => o.x >= window.from && o.x <= window.to);
      if (inside.x.length + odd.length > 0) drawn.push({ rank, buckets: coarsen(inside, bucketsMax), odd });
    }
    return drawn.sort((a, b) => a.rank - b.rank);
  }
}

function within(buckets: Buckets, from: number, to: number): Buckets {
  const a = firstAtOrAfter(buckets.x, from);
  const b = Math.max(a, firstAtOrAfter(buckets.x, to));
  return {
    x: buckets.x.slice(a, b),
    min: buckets.min.slice(a, b),
    max: buckets.max.slice(a, b),
    last: buckets.last.slice(a, b),
  };
}

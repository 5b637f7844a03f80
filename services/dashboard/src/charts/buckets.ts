/** Columns of buckets in order of x. One raw point is a bucket whose min, max and last are its value. */
export interface Buckets {
  x: number[];
  min: number[];
  max: number[];
  last: number[];
}

export function emptyBuckets(): Buckets {
  return { x: [], min: [], max: [], last: [] };
}

export function appendBucket(to: Buckets, x: number, min: number, max: number, last: number): void {
  to.x.push(x);
  to.min.push(min);
  to.max.push(max);
  to.last.push(last);
}

/** Merges neighbours until at most `bucketsMax` are left, by equal widths of x. Extremes stay exact. */
export function coarsen(from: Buckets, bucketsMax: number): Buckets {
  const length = from.x.length;
  if (length <= bucketsMax || length < 2) return from;
  const start = from.x[0] ?? 0;
  const width = ((from.x[length - 1] ?? 0) - start) / bucketsMax;
  if (!(width > 0)) return from;
  const merged = emptyBuckets();
  let slot = -1;
  for (let i = 0; i < length; i += 1) {
    const x = from.x[i] ?? 0;
    const here = Math.min(bucketsMax - 1, Math.floor((x - start) / width));
    const min = from.min[i] ?? 0;
    const max = from.max[i] ?? 0;
    const end = merged.x.length - 1;
    if (here !== slot) {
      appendBucket(merged, x, min, max, from.last[i] ?? 0);
      slot = here;
      continue;
    }
    merged.min[end] = Math.min(merged.min[end] ?? min, min);
    merged.max[end] = Math.max(merged.max[end] ?? max, max);
    merged.last[end] = from.last[i] ?? 0;
  }
  return merged;
}

/** Whether a bucket hides more than it shows: then its envelope is worth drawing. */
export function bucketed(buckets: Buckets): boolean {
  return buckets.max.some((max, i) => max !== buckets.min[i]);
}

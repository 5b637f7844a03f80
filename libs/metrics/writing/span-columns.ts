import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { GrowableColumn } from '../tables/growable-column.js';
import type { BatchGroup } from './point-batch.js';

export interface SpanRows {
  readonly spanCount: number;
  readonly spans: BlockColumn[];
}

/** How far each series of each rank reaches in each attempt. */
export function spanRows(groups: readonly BatchGroup[]): SpanRows {
  const run: bigint[] = [];
  const series: bigint[] = [];
  const [attempt, rank, first, last] = [
    new GrowableColumn(),
    new GrowableColumn(),
    new GrowableColumn(),
    new GrowableColumn(),
  ];
  for (const group of groups) {
    const ranks = new Map<number, { min: number; max: number }>();
    for (const { rank: at, minStep, maxStep } of group.segments) {
      const span = ranks.get(at);
      if (!span) ranks.set(at, { min: minStep, max: maxStep });
      else {
        if (minStep < span.min) span.min = minStep;
        if (maxStep > span.max) span.max = maxStep;
      }
    }
    for (const [at, { min, max }] of ranks) {
      run.push(group.run);
      series.push(group.series);
      attempt.push(group.attempt);
      rank.push(at);
      first.push(min);
      last.push(max);
    }
  }
  return {
    spanCount: run.length,
    spans: [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(run) },
      { name: 'series', type: 'UInt64', data: BigUint64Array.from(series) },
      { name: 'attempt', type: 'UInt16', data: attempt.u16() },
      { name: 'rank', type: 'UInt32', data: rank.u32() },
      { name: 'first_step', type: 'Int64', data: first.i64() },
      { name: 'last_step', type: 'Int64', data: last.i64() },
    ],
  };
}

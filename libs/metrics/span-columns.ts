import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { GrowableColumn, int64Column } from './growable-column.js';
import type { BatchGroup } from './point-batch.js';

export interface SpanRows {
  readonly spanCount: number;
  readonly spans: BlockColumn[];
  readonly attemptCount: number;
  readonly attempts: BlockColumn[];
}

/** How far each series of each rank reaches, and where each attempt starts (by keys that count training steps). */
export function spanRows(
  groups: readonly BatchGroup[],
  told: readonly { run: bigint; attempt: number; fromStep: number }[],
): SpanRows {
  const run: bigint[] = [];
  const series: bigint[] = [];
  const [attempt, rank, first, last] = [
    new GrowableColumn(),
    new GrowableColumn(),
    new GrowableColumn(),
    new GrowableColumn(),
  ];
  const starts = new Map<string, { run: bigint; attempt: number; fromStep: number }>();
  const start = (row: { run: bigint; attempt: number; fromStep: number }): void => {
    const name = `${row.run} ${row.attempt}`;
    const known = starts.get(name);
    if (!known || row.fromStep < known.fromStep) starts.set(name, row);
  };
  told.forEach(start);
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
      if (!group.state.system) start({ run: group.run, attempt: group.attempt, fromStep: min });
    }
  }
  const rows = [...starts.values()];
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
    attemptCount: rows.length,
    attempts: [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(rows, (row) => row.run) },
      { name: 'attempt', type: 'UInt16', data: Uint16Array.from(rows, (row) => row.attempt) },
      { name: 'from_step', type: 'Int64', data: int64Column(Float64Array.from(rows, (row) => row.fromStep)) },
    ],
  };
}

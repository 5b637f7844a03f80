import type { RankHealth, RankStateFragment } from '../generated/questions.js';

export type RankColumn = 'rank' | 'host' | 'state' | 'lastStep' | 'lag' | 'stepMs' | 'lastSeenAt';
export interface RankOrder {
  by: RankColumn;
  descending: boolean;
}

const urgency: Record<RankHealth, number> = { FAILED: 0, SILENT: 1, SLOW: 2, OK: 3, FINISHED: 4 };

function compare(a: RankStateFragment, b: RankStateFragment, by: RankColumn): number {
  if (by === 'state') return urgency[a.state] - urgency[b.state];
  if (by === 'host') return (a.host ?? '').localeCompare(b.host ?? '', 'en', { numeric: true });
  return (a[by] ?? Number.NEGATIVE_INFINITY) - (b[by] ?? Number.NEGATIVE_INFINITY);
}

export function sortRanks(ranks: readonly RankStateFragment[], order: RankOrder): RankStateFragment[] {
  const sign = order.descending ? -1 : 1;
  return [...ranks].sort((a, b) => sign * compare(a, b, order.by) || a.rank - b.rank);
}

export function countStates(ranks: readonly RankStateFragment[]): [RankHealth, number][] {
  const counts = new Map<RankHealth, number>();
  for (const { state } of ranks) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].sort((a, b) => urgency[a[0]] - urgency[b[0]]);
}

/** "rank 3", "ranks 3 and 5", "ranks 3, 5, 8 and 12 more": names what is odd instead of only counting it. */
export function nameRanks(ranks: readonly number[], namedMax = 6): string {
  const sorted = [...ranks].sort((a, b) => a - b);
  const [only] = sorted;
  if (only === undefined) return '';
  if (sorted.length === 1) return `rank ${only}`;
  if (sorted.length > namedMax)
    return `ranks ${sorted.slice(0, namedMax).join(', ')} and ${sorted.length - namedMax} more`;
  return `ranks ${sorted.slice(0, -1).join(', ')} and ${sorted.at(-1) ?? ''}`;
}

import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { tableOf } from '../tables/clickhouse-schema.js';
import type { BatchGroup, PointBatch } from './point-batch.js';
import type { PointSegment } from './point-segment.js';
import type { SeriesState } from './series-registry.js';

/** Writes of one (group, rank): step -> versions seen. */
type Writes = Map<number, string>;

/**
 * Series in which some step has two different versions. Rollups can't forget an overwritten value, so such series are read raw. It
 * is a function of the events alone: segments that go back in steps are compared with the batch and with the stored rows, and a
 * batch that comes again has the same versions. The marks must be stored before the points, since a merge forgets old versions.
 */
export async function findRewritten(
  client: ClickHouseClient,
  generation: number,
  batch: PointBatch,
): Promise<readonly BatchGroup[]> {
  const found = new Map<SeriesState, BatchGroup>();
  const ask = new Map<BatchGroup, Map<number, { min: number; max: number }>>();
  for (const { group, segment } of batch.suspects) {
    if (segment.everyValue) found.set(group.state, group);
    if (found.has(group.state)) continue;
    const ranks = ask.get(group) ?? new Map<number, { min: number; max: number }>();
    ask.set(group, ranks);
    const range = ranks.get(segment.rank);
    ranks.set(segment.rank, {
      min: Math.min(range?.min ?? Infinity, segment.minStep),
      max: Math.max(range?.max ?? -Infinity, segment.maxStep),
    });
  }
  const writes = new Map<string, { group: BatchGroup; writes: Writes }>();
  for (const [group, ranks] of ask) {
    if (found.has(group.state)) continue;
    for (const [rank, range] of ranks) {
      const seen: Writes = new Map();
      if (writesTwice(group.segments, rank, range, seen)) found.set(group.state, group);
      writes.set(`${group.run} ${group.series} ${group.attempt} ${rank}`, { group, writes: seen });
    }
  }
  await compareStored(client, generation, writes, found, ask);
  return [...found.values()].filter((group) => !group.state.rewritten);
}

function writesTwice(
  segments: readonly PointSegment[],
  rank: number,
  range: { min: number; max: number },
  seen: Writes,
): boolean {
  let twice = false;
  for (const segment of segments) {
    if (segment.rank !== rank || segment.maxStep < range.min || segment.minStep > range.max) continue;
    for (let i = 0; i < segment.steps.length; i++) {
      const step = segment.steps[i]!;
      const version = versionText(segment, i);
      const known = seen.get(step);
      if (known !== undefined && known !== version) twice = true;
      seen.set(step, version);
    }
  }
  return twice;
}

function versionText({ version, position }: PointSegment, index: number): string {
  return String((BigInt(version.high) << 32n) + BigInt(version.low + (position + index) * version.scale));
}

async function compareStored(
  client: ClickHouseClient,
  generation: number,
  writes: ReadonlyMap<string, { group: BatchGroup; writes: Writes }>,
  found: Map<SeriesState, BatchGroup>,
  ask: ReadonlyMap<BatchGroup, ReadonlyMap<number, { min: number; max: number }>>,
): Promise<void> {
  const byRun = new Map<string, { groups: BatchGroup[]; ranks: Set<number>; min: number; max: number }>();
  for (const [group, ranks] of ask) {
    if (found.has(group.state)) continue;
    const name = `${group.run} ${group.attempt}`;
    const query = byRun.get(name) ?? { groups: [], ranks: new Set<number>(), min: Infinity, max: -Infinity };
    byRun.set(name, query);
    query.groups.push(group);
    for (const [rank, range] of ranks) {
      query.ranks.add(rank);
      query.min = Math.min(query.min, range.min);
      query.max = Math.max(query.max, range.max);
    }
  }
  for (const { groups, ranks, min, max } of byRun.values()) {
    const { run, attempt } = groups[0]!;
    const rows = await client.query(
      `SELECT series, rank, toFloat64(step) AS at, toString(version) AS version FROM ${tableOf(generation, 'points')}
       WHERE run = ${run} AND series IN (${groups.map((group) => group.series).join(', ')}) AND attempt = ${attempt}
         AND rank IN (${[...ranks].join(', ')}) AND step BETWEEN ${min} AND ${max}`,
    );
    for (let i = 0; i < rows.rows; i++) {
      const entry = writes.get(`${run} ${rows.u64('series')[i]!} ${attempt} ${rows.u32('rank')[i]!}`);
      const written = entry?.writes.get(rows.f64('at')[i]!);
      if (entry && written !== undefined && written !== rows.texts('version')[i])
        found.set(entry.group.state, entry.group);
    }
  }
}

import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { tableOf } from '../tables/clickhouse-schema.js';
import { GrowableColumn } from '../tables/growable-column.js';
import type { BatchGroup, PointBatch } from './point-batch.js';
import { trainingOrder } from '../training-order.js';

/** Steps of one (series, rank) of a run that more than one attempt may have written: step -> attempts. */
interface Contested {
  readonly group: BatchGroup;
  readonly rank: number;
  readonly steps: Map<number, number[]>;
}

interface Contest {
  readonly group: BatchGroup;
  readonly parts: Map<string, Contested>;
  min: number;
  max: number;
}

/**
 * Points of earlier attempts whose step a later attempt wrote as well: of the same series and rank. Whichever of the two comes last
 * finds the other in its batch or in the table, and both come from one partition, so every pair is found once whatever the order; a
 * batch that comes again finds the same pairs.
 */
export class SupersededRows {
  readonly #run: bigint[] = [];
  readonly #series: bigint[] = [];
  readonly #columns = Array.from({ length: 4 }, () => new GrowableColumn());

  add({ run, series }: BatchGroup, attempt: number, rank: number, step: number, by: number): void {
    this.#run.push(run);
    this.#series.push(series);
    [attempt, rank, step, by].forEach((value, index) => this.#columns[index]!.push(value));
  }

  get rows(): number {
    return this.#run.length;
  }

  blockColumns(): BlockColumn[] {
    const [attempt, rank, step, by] = this.#columns;
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(this.#run) },
      { name: 'series', type: 'UInt64', data: BigUint64Array.from(this.#series) },
      { name: 'attempt', type: 'UInt16', data: attempt!.u16() },
      { name: 'rank', type: 'UInt32', data: rank!.u32() },
      { name: 'step', type: 'Int64', data: step!.i64() },
      { name: 'by', type: 'UInt16', data: by!.u16() },
    ];
  }
}

export async function findSuperseded(
  client: ClickHouseClient,
  generation: number,
  batch: PointBatch,
): Promise<SupersededRows> {
  const found = new SupersededRows();
  const contests = new Map<string, Contest>();
  for (const { group, segment } of batch.contested) {
    const name = String(group.run);
    const contest: Contest = contests.get(name) ?? { group, parts: new Map(), min: Infinity, max: -Infinity };
    contests.set(name, contest);
    contest.min = Math.min(contest.min, segment.minStep);
    contest.max = Math.max(contest.max, segment.maxStep);
    const at = partName(group.series, segment.rank);
    const part: Contested = contest.parts.get(at) ?? { group, rank: segment.rank, steps: new Map() };
    contest.parts.set(at, part);
    for (const step of segment.steps) if (!part.steps.has(step)) part.steps.set(step, []);
  }
  if (contests.size === 0) return found;
  for (const group of batch.groups) {
    const contest = contests.get(String(group.run));
    for (const segment of contest ? group.segments : []) {
      const part = contest!.parts.get(partName(group.series, segment.rank));
      if (part && segment.ord === 0 && !segment.everyValue)
        for (const step of segment.steps) wrote(part, step, group.attempt);
    }
  }
  await Promise.all([...contests.values()].map((contest) => addStored(client, generation, contest)));
  for (const { parts } of contests.values())
    for (const { group, rank, steps } of parts.values()) {
      const order = trainingOrder(group.runState.attempts);
      for (const [step, attempts] of steps) {
        if (attempts.length < 2) continue;
        attempts.sort(order);
        for (let i = 0; i < attempts.length; i++)
          for (let j = i + 1; j < attempts.length; j++) found.add(group, attempts[i]!, rank, step, attempts[j]!);
      }
    }
  return found;
}

const partName = (series: bigint, rank: number): string => `${series} ${rank}`;

function wrote({ steps }: Contested, step: number, attempt: number): void {
  const attempts = steps.get(step);
  if (attempts && !attempts.includes(attempt)) attempts.push(attempt);
}

async function addStored(client: ClickHouseClient, generation: number, contest: Contest): Promise<void> {
  const parts = [...contest.parts.values()];
  const series = [...new Set(parts.map(({ group }) => group.series))];
  const ranks = [...new Set(parts.map(({ rank }) => rank))];
  const rows = await client.query(
    `SELECT series, rank, toUInt32(attempt) AS a, toFloat64(step) AS at FROM ${tableOf(generation, 'points')}
     WHERE run = ${contest.group.run} AND series IN (${series.join(', ')}) AND rank IN (${ranks.join(', ')})
       AND step BETWEEN ${contest.min} AND ${contest.max} AND ord = 0`,
  );
  if (rows.rows === 0) return;
  const [of, rank, attempt, step] = [rows.u64('series'), rows.u32('rank'), rows.u32('a'), rows.f64('at')];
  for (let i = 0; i < rows.rows; i++) {
    const part = contest.parts.get(partName(of[i]!, rank[i]!));
    if (part) wrote(part, step[i]!, attempt[i]!);
  }
}

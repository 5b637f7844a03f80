import { setTimeout as sleep } from 'node:timers/promises';
import type { Topic } from '#libs/domain/event.js';
import { partitionName } from '#libs/domain/position-token.js';
import type { EventLog } from '#libs/log/event-log.js';
import type { Logger } from '#libs/observability/logger.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';

/** Ends of all partitions of some topics, by name. */
export async function logEnds(log: EventLog, topics: readonly Topic[]): Promise<ReadonlyMap<string, number>> {
  const ranges = (await Promise.all(topics.map((topic) => log.ranges(topic)))).flat();
  return new Map(ranges.map(({ topic, partition, end }) => [partitionName(topic, partition), end]));
}

/** What was acknowledged and is not in the log any more, as the tables of a generation have seen it. */
export interface AheadOfLog {
  readonly partition: string;
  readonly position: number;
  readonly end: number;
}

export interface StoreCheckOptions {
  readonly logger: Logger;
  /** How long a log has to stay behind the tables until that is believed. */
  readonly believedAfterMs?: number;
  /** Told what is missing, for as long as the tables that have seen it are kept. */
  readonly onMissing?: (projection: string, detail: string) => void;
}

/**
 * A store that contains more than the log has seen another log, or the log lost its end: acknowledged records are missing. What comes next
 * would get offsets that these tables take for seen, so a new generation is filled from the log; the old one, which may be the only copy of
 * what is missing, is kept, and said to be, at every start until it is dropped.
 */
export async function startOverIfAhead(
  log: EventLog,
  family: ProjectionFamily,
  { logger, believedAfterMs = 0, onMissing }: StoreCheckOptions,
): Promise<void> {
  const since = performance.now();
  const { live, all } = await family.generations();
  let ahead = await findAhead(log, family, live);
  // a broker that has just been started may know of less than it has stored
  while (ahead.length > 0 && performance.now() - since < believedAfterMs) {
    await sleep(500);
    ahead = await findAhead(log, family, live);
  }
  if (ahead.length > 0) {
    const next = Math.max(live, ...all) + 1;
    await family.openGeneration(next);
    await family.switchTo(next);
  }
  const kept = ahead.length > 0 ? live : null;
  for (const generation of all) {
    const missing = generation === kept ? ahead : generation === live ? [] : await findAhead(log, family, generation);
    if (missing.length === 0) continue;
    const records = missing.reduce((sum, { position, end }) => sum + position - end, 0);
    const where = missing.map(({ partition, position, end }) => `${partition}: ${end} of ${position}`).join(', ');
    const detail =
      `${records} acknowledged records are missing from the log (${where}). New tables are filled from what is there; those that have ` +
      `seen the rest are kept as generation ${generation} of ${family.name}. Restore the log from a copy, or drop the old tables with ` +
      `"runstream rebuild ${family.name} --drop-old" if that was meant`;
    logger.error('the tables are ahead of the log: acknowledged records are missing', {
      projection: family.name,
      generation,
      records,
      partitions: where,
      detail,
    });
    onMissing?.(family.name, detail);
  }
}

async function findAhead(log: EventLog, family: ProjectionFamily, generation: number): Promise<readonly AheadOfLog[]> {
  const checkpoints = await family.checkpointsOf(generation);
  // after the checkpoints: what they contain was in the log before
  const ends = await logEnds(log, family.topics);
  return [...checkpoints].flatMap(([partition, position]) => {
    const end = ends.get(partition) ?? 0;
    return position > end ? [{ partition, position, end }] : [];
  });
}

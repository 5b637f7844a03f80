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

/**
 * A store that contains more than the log has seen another log, or the log lost its end: it can't be trusted, and everything in
 * it can be made again. A new generation starts from nothing; the projector fills it.
 */
export async function startOverIfAhead(
  log: EventLog,
  family: ProjectionFamily,
  logger: Logger,
  believedAfterMs = 0,
): Promise<void> {
  const since = performance.now();
  let ahead = await findAhead(log, family);
  // a broker that has just been started may know of less than it has stored
  while (ahead && performance.now() - since < believedAfterMs) {
    await sleep(500);
    ahead = await findAhead(log, family);
  }
  if (!ahead) return;
  const { live, all } = await family.generations();
  const next = Math.max(live, ...all) + 1;
  const { partition, position, end } = ahead;
  logger.warn('tables are ahead of the log; they are rebuilt from it', {
    projection: family.name,
    partition,
    position,
    end,
  });
  await family.openGeneration(next);
  await family.switchTo(next);
}

async function findAhead(
  log: EventLog,
  family: ProjectionFamily,
): Promise<{ readonly partition: string; readonly position: number; readonly end: number } | null> {
  const checkpoints = await (await family.live()).checkpoints();
  // after the checkpoints: what they contain was in the log before
  const ends = await logEnds(log, family.topics);
  for (const [partition, position] of checkpoints) {
    const end = ends.get(partition) ?? 0;
    if (position > end) return { partition, position, end };
  }
  return null;
}

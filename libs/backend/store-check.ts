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
export async function startOverIfAhead(log: EventLog, family: ProjectionFamily, logger: Logger): Promise<void> {
  const ends = await logEnds(log, family.topics);
  const checkpoints = await (await family.live()).checkpoints();
  const ahead = [...checkpoints].find(([name, position]) => position > (ends.get(name) ?? 0));
  if (!ahead) return;
  const { live, all } = await family.generations();
  const next = Math.max(live, ...all) + 1;
  const [partition, position] = ahead;
  logger.warn('tables are ahead of the log; they are rebuilt from it', {
    projection: family.name,
    partition,
    position,
    end: ends.get(partition) ?? 0,
  });
  await family.openGeneration(next);
  await family.switchTo(next);
}

import { Rejection } from '#libs/domain/rejection.js';
import { abortableSource } from '#libs/live/abortable-source.js';
import { subscribeRunChanges } from '#libs/live/run-changes.js';
import { subscribeRunLines } from '#libs/live/run-lines.js';
import type { Complete } from './complete-resolvers.js';
import type { PartitionId } from '#libs/log/event-log.js';
import { partitionOf, telemetryPartitions, telemetryShards } from '#libs/log/event-record.js';
import { readYourWritesTimeoutMs, type GatewayContext } from './gateway-context.js';
import type { SubscriptionResolvers } from './generated/resolver-types.js';

function telemetryOf(run: string, { backend }: GatewayContext): readonly PartitionId[] {
  // all shards: a run's world may grow after somebody has begun to watch it
  return telemetryPartitions(run, telemetryShards, backend.log.partitionCount('telemetry')).map((partition) => ({
    topic: 'telemetry',
    partition,
  }));
}

function runPartitions(ids: readonly string[] | undefined, { backend }: GatewayContext): readonly PartitionId[] {
  const count = backend.log.partitionCount('runs');
  const wanted = ids
    ? new Set(ids.map((id) => partitionOf(id, count)))
    : Array.from({ length: count }, (_, index) => index);
  return [...wanted].map((partition) => ({ topic: 'runs', partition }));
}

const subscribedKeysMax = 500;

export const subscriptionResolvers: Complete<SubscriptionResolvers> = {
  runChanged: {
    subscribe: (_, { project, ids, after }, context) =>
      abortableSource((signal) => runChanged(project, ids, after, context, signal)),
  },
  metricFrames: {
    subscribe: (_, { run, keys, ranks, after, pointsMax }, context) => {
      if ((keys?.length ?? 0) > subscribedKeysMax) {
        throw new Rejection(
          'INVALID_ARGUMENT',
          `keys: at most ${subscribedKeysMax} keys can be watched by one subscription`,
          'keys',
        );
      }
      const frames = context.backend.frames.subscribe({
        run,
        partitions: telemetryOf(run, context),
        keys: keys ?? undefined,
        ranks: ranks ?? undefined,
        after: after ?? undefined,
        pointsMax: pointsMax ?? undefined,
      });
      return mapped(frames, (frame) => ({ metricFrames: { cursor: frame.cursor, frame } }));
    },
  },
  lines: {
    subscribe: (_, { run, rank, after }, context) => {
      const query = { run, partitions: telemetryOf(run, context), rank: rank ?? undefined, after: after ?? undefined };
      return mapped(subscribeRunLines(context.backend.tail, query), ({ cursor, lines, skipped }) => ({
        lines: { cursor, skipped, lines: lines.map(({ timeMs, ...line }) => ({ ...line, time: timeMs })) },
      }));
    },
  },
};

async function* runChanged(
  project: string | null | undefined,
  ids: readonly string[] | null | undefined,
  after: string | null | undefined,
  context: GatewayContext,
  signal: AbortSignal,
) {
  const { backend } = context;
  const source = subscribeRunChanges(backend.tail, {
    partitions: runPartitions(ids ?? undefined, context),
    ids: ids ? new Set(ids) : undefined,
    after: after ?? undefined,
    settled: (token) => backend.progress.waitFor(['runs'], token, readYourWritesTimeoutMs),
  });
  signal.addEventListener('abort', () => void source.return?.(), { once: true });
  for await (const { cursor, runs } of source) {
    for (const run of await backend.runTable.runs(runs)) {
      if (!project || run.project === project) yield { runChanged: { cursor, run } };
    }
  }
}

/** Maps an iterable without losing its prompt `return()`. */
function mapped<A, B>(source: AsyncIterableIterator<A>, map: (value: A) => B): AsyncIterableIterator<B> {
  const convert = (result: IteratorResult<A>): IteratorResult<B> =>
    result.done ? result : { done: false, value: map(result.value) };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: async () => convert(await source.next()),
    return: async () => convert(await source.return!()),
    throw: async (error: unknown) => convert(await source.throw!(error)),
  };
}

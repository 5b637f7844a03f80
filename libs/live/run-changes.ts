import {
  formatPositionToken,
  parsePositionToken,
  partitionName,
  type PositionToken,
} from '#libs/domain/position-token.js';
import { abortableSource } from '#libs/live/abortable-source.js';
import type { LogTail } from '#libs/live/log-tail.js';
import type { PartitionId, StoredRecord } from '#libs/log/event-log.js';

export interface RunChange {
  readonly cursor: string;
  readonly runs: readonly string[];
}
export interface RunChangesQuery {
  readonly partitions: readonly PartitionId[];
  /** Only these runs; undefined: all. */
  readonly ids?: ReadonlySet<string> | undefined;
  readonly after?: string | undefined;
  /** Resolves when the run tables contain the positions, so that the state read next is the one announced. */
  readonly settled: (token: PositionToken) => Promise<void>;
}

/** Which runs have changed: a set of dirty ids, however many events there were and however slow the viewer is. */
export function subscribeRunChanges(tail: LogTail, query: RunChangesQuery): AsyncIterableIterator<RunChange> {
  return abortableSource((signal) => changes(tail, query, signal));
}

async function* changes(tail: LogTail, query: RunChangesQuery, signal: AbortSignal): AsyncGenerator<RunChange> {
  const after = query.after === undefined ? null : parsePositionToken(query.after);
  const positions = new Map<string, number>();
  const dirty = new Set<string>();
  let wake = (): void => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  await Promise.all(
    query.partitions.map(async (partition) => {
      const name = partitionName(partition.topic, partition.partition);
      const deliver = (records: readonly StoredRecord[], next: number): void => {
        positions.set(name, next);
        for (const { key } of records) if (!query.ids || query.ids.has(key)) dirty.add(key);
        if (dirty.size > 0) wake();
      };
      const from = await tail.watch(partition, after?.get(name), deliver, signal);
      if (!positions.has(name)) positions.set(name, from);
    }),
  );
  while (!signal.aborted) {
    if (dirty.size === 0) await new Promise<void>((resolve) => (wake = resolve));
    if (signal.aborted) return;
    const runs = [...dirty];
    dirty.clear();
    const token = new Map(positions);
    await query.settled(token);
    yield { cursor: formatPositionToken(token), runs };
  }
}

import { formatPositionToken, parsePositionToken, partitionName } from '#libs/domain/position-token.js';
import { Unreadable } from '#libs/domain/rejection.js';
import type { Line } from '#libs/domain/event.js';
import { abortableSource } from '#libs/live/abortable-source.js';
import type { LogTail } from '#libs/live/log-tail.js';
import type { PartitionId, StoredRecord } from '#libs/log/event-log.js';
import { readValidEvent } from '#libs/log/event-record.js';

export interface LiveLine extends Line {
  readonly rank: number;
  readonly attempt: number;
  readonly writer: string;
}
export interface LineFrame {
  readonly cursor: string;
  readonly lines: readonly LiveLine[];
  /** Lines passed over because the viewer was slow; they are in the store. */
  readonly skipped: number;
}
export interface RunLinesQuery {
  readonly run: string;
  readonly partitions: readonly PartitionId[];
  readonly rank?: number | undefined;
  readonly after?: string | undefined;
}

/** What is held for one slow viewer; older lines are passed over and counted. */
const heldLinesMax = 5_000;

function linesOf(record: StoredRecord, query: RunLinesQuery): readonly LiveLine[] {
  if (record.headers['ce_subject'] !== query.run) return [];
  let event;
  try {
    event = readValidEvent(record);
  } catch (error) {
    if (error instanceof Unreadable) return []; // the projector sets it aside and names it
    throw error;
  }
  if (event.name !== 'LinesLogged') return [];
  const { rank, attempt, id } = event.writer ?? { rank: 0, attempt: 1, id: '' };
  if (query.rank !== undefined && rank !== query.rank) return [];
  return event.data.lines.map((line) => ({
    number: line.number,
    stream: line.stream,
    timeMs: line.timeMs || event.timeMs,
    text: line.text,
    rank,
    attempt,
    writer: id,
  }));
}

/** Console lines of a run as they come, from a cursor or from now. */
export function subscribeRunLines(tail: LogTail, query: RunLinesQuery): AsyncIterableIterator<LineFrame> {
  return abortableSource((signal) => frames(tail, query, signal));
}

async function* frames(tail: LogTail, query: RunLinesQuery, signal: AbortSignal): AsyncGenerator<LineFrame> {
  const after = query.after === undefined ? null : parsePositionToken(query.after);
  const positions = new Map<string, number>();
  const held: LiveLine[] = [];
  let skipped = 0;
  let wake = (): void => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  await Promise.all(
    query.partitions.map(async (partition) => {
      const name = partitionName(partition.topic, partition.partition);
      const deliver = (records: readonly StoredRecord[], next: number): void => {
        positions.set(name, next);
        for (const record of records) held.push(...linesOf(record, query));
        if (held.length > heldLinesMax) skipped += held.splice(0, held.length - heldLinesMax).length;
        if (held.length > 0) wake();
      };
      const from = await tail.watch(partition, after?.get(name), deliver, signal);
      if (!positions.has(name)) positions.set(name, from);
    }),
  );
  while (!signal.aborted) {
    if (held.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    if (signal.aborted) return;
    const lines = held.splice(0);
    const frame = { cursor: formatPositionToken(positions), lines, skipped };
    skipped = 0;
    yield frame;
  }
}

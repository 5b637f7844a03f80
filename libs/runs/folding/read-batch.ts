import type { Event } from '#libs/domain/event.js';
import { Unreadable } from '#libs/domain/rejection.js';
import { readValidEvent } from '#libs/log/event-record.js';
import type { DeadLetter, ProjectedBatch } from '#libs/projecting/projection.js';

export interface ReadRecord {
  readonly event: Event;
  readonly appendedAt: number;
  readonly offset: number;
}

/** Decodes a batch; what can't be read or breaks the limits becomes a dead letter. */
export function readBatch(
  projection: string,
  batch: ProjectedBatch,
): { records: ReadRecord[]; deadLetters: DeadLetter[] } {
  const records: ReadRecord[] = [];
  const deadLetters: DeadLetter[] = [];
  for (const record of batch.records) {
    try {
      const event = readValidEvent(record);
      records.push({ event, appendedAt: record.appendedAt, offset: record.offset });
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      deadLetters.push({ ...batch.partition, projection, offset: record.offset, reason: error.message, record });
    }
  }
  return { records, deadLetters };
}

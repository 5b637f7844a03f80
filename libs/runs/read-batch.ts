import type { Event } from '#libs/domain/event.js';
import { Rejection, Unreadable } from '#libs/domain/rejection.js';
import { checkEvent } from '#libs/domain/validate-event.js';
import { readEvent } from '#libs/log/event-record.js';
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
      const event = readEvent(record);
      checkEvent(event);
      records.push({ event, appendedAt: record.appendedAt, offset: record.offset });
    } catch (error) {
      if (!(error instanceof Unreadable || error instanceof Rejection)) throw error;
      deadLetters.push({ ...batch.partition, projection, offset: record.offset, reason: error.message, record });
    }
  }
  return { records, deadLetters };
}

import type { EventHead, Writer } from '#libs/domain/event.js';

/** The head of an event, as ledgers see it. */
export const head = (subject: string, writer: Writer | null, id = 'e'): EventHead => ({
  id,
  source: 'spec',
  subject,
  timeMs: 1,
  writer,
  reply: false,
});
/** What a writer has numbered. */
export const by = (subject: string, seq: number, id = 'w', rank = 0): EventHead =>
  head(subject, { id, attempt: 1, rank, seq }, `${subject} ${id} ${seq}`);

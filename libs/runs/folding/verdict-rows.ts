import type { EventHead } from '#libs/domain/event.js';
import type { FoldVerdict } from '#libs/domain/run-fold-verdict.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';

/** Verdicts are kept this long by the log's clock. */
export const verdictsKeptMs = 24 * 3_600_000;

/** Verdicts of one batch for the events that asked. The first one of an event id stands: a repetition learns the same. */
export class VerdictRows {
  readonly byEvent = new Map<string, { verdict: FoldVerdict; appended_at: number }>();

  add(event: EventHead, verdict: FoldVerdict, appendedAt: number): void {
    if (event.reply && !this.byEvent.has(event.id)) this.byEvent.set(event.id, { verdict, appended_at: appendedAt });
  }

  async write(session: SqlSession, schema: string, appendedAt: number): Promise<void> {
    if (this.byEvent.size === 0) return;
    const rows = [...this.byEvent].map(([event_id, row]) => ({ event_id, ...row }));
    await writeRows(session, schema, verdictsTable, rows, 'do nothing');
    await session.query(`delete from ${schema}.verdicts where appended_at < $1`, [appendedAt - verdictsKeptMs]);
  }
}
const verdictsTable = {
  name: 'verdicts',
  key: ['event_id'],
  columns: { event_id: 'text', verdict: 'json', appended_at: 'bigint' },
};

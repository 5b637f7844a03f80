import type { EventHead, Topic } from '#libs/domain/event.js';
import { addSeq, hasSeq, noSeqs, type SeqIntervals } from '#libs/domain/run-fold-seqs.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';

/** An event without a writer is known by its id for this long by the log's clock; a later repetition counts as new. */
export const seenIdsKeptMs = 7 * 24 * 3_600_000;

interface SeqRow {
  readonly run: string;
  readonly attempt: number;
  readonly writer: string;
  rank: number;
  seen: SeqIntervals;
  first_step: number | null;
  last_step: number | null;
  last_seen: number;
  dirty: boolean;
}

const keyOf = (run: string, attempt: number, writer: string): string => `${run} ${attempt} ${writer}`;

/** Which events of a batch have been applied before: by (run, attempt, writer, seq), or by id where there is no writer. */
export class SeqLedger {
  private readonly rows = new Map<string, SeqRow>();
  private readonly ids = new Map<string, { appended_at: number; dirty: boolean }>();

  private constructor(
    private readonly schema: string,
    private readonly topic: Topic,
    private readonly partition: string,
  ) {}

  static async load(
    session: SqlSession,
    schema: string,
    topic: Topic,
    partition: string,
    events: readonly EventHead[],
  ): Promise<SeqLedger> {
    const ledger = new SeqLedger(schema, topic, partition);
    const runs = new Set<string>();
    const writers = new Set<string>();
    const ids = new Set<string>();
    for (const event of events) {
      if (!event.writer) ids.add(event.id);
      else {
        runs.add(event.subject);
        writers.add(event.writer.id);
      }
    }
    if (runs.size > 0) {
      const rows = await session.query<
        Omit<SeqRow, 'seen' | 'dirty'> & { contiguous: number; above: SeqIntervals['above'] }
      >(
        `select run, attempt, writer, rank, contiguous, above, first_step, last_step, last_seen from ${schema}.seqs
         where run = any($1::text[]) and writer = any($2::text[]) and topic = $3`,
        [[...runs], [...writers], topic],
      );
      for (const { contiguous, above, ...row } of rows) {
        ledger.rows.set(keyOf(row.run, row.attempt, row.writer), { ...row, seen: { contiguous, above }, dirty: false });
      }
    }
    if (ids.size > 0) {
      const rows = await session.query<{ event_id: string; appended_at: number }>(
        `select event_id, appended_at from ${schema}.seen_ids where partition = $1 and event_id = any($2::text[])`,
        [partition, [...ids]],
      );
      for (const row of rows) ledger.ids.set(row.event_id, { appended_at: row.appended_at, dirty: false });
    }
    return ledger;
  }

  /** True when the event is new; it is accounted from then on. */
  take(event: EventHead, attempt: number, appendedAt: number): boolean {
    if (!event.writer) {
      const known = this.ids.get(event.id);
      if (known && appendedAt - known.appended_at <= seenIdsKeptMs) return false;
      this.ids.set(event.id, { appended_at: appendedAt, dirty: true });
      return true;
    }
    const { id, rank, seq } = event.writer;
    const key = keyOf(event.subject, attempt, id);
    let row = this.rows.get(key);
    if (row && hasSeq(row.seen, seq)) return false;
    if (!row) {
      row = {
        run: event.subject,
        attempt,
        writer: id,
        rank,
        seen: noSeqs,
        first_step: null,
        last_step: null,
        last_seen: appendedAt,
        dirty: true,
      };
      this.rows.set(key, row);
    }
    row.seen = addSeq(row.seen, seq);
    row.last_seen = Math.max(row.last_seen, appendedAt);
    row.rank = Math.min(row.rank, rank);
    row.dirty = true;
    return true;
  }

  steps(event: EventHead, attempt: number, first: number, last: number): void {
    const row = event.writer && this.rows.get(keyOf(event.subject, attempt, event.writer.id));
    if (!row) return;
    row.first_step = Math.min(row.first_step ?? Infinity, first);
    row.last_step = Math.max(row.last_step ?? -Infinity, last);
  }

  async write(session: SqlSession, appendedAt: number): Promise<void> {
    const rows = [...this.rows.values()].filter((row) => row.dirty);
    await writeRows(
      session,
      this.schema,
      seqsTable,
      rows.map(({ seen, dirty: _, ...row }) => ({ ...row, topic: this.topic, ...seen })),
    );
    const ids = [...this.ids].filter(([, { dirty }]) => dirty);
    if (ids.length === 0) return;
    await writeRows(
      session,
      this.schema,
      seenIdsTable,
      ids.map(([event_id, { appended_at }]) => ({ partition: this.partition, event_id, appended_at })),
    );
    await session.query(`delete from ${this.schema}.seen_ids where partition = $1 and appended_at < $2`, [
      this.partition,
      appendedAt - seenIdsKeptMs,
    ]);
  }
}

const seqsTable = {
  name: 'seqs',
  key: ['run', 'attempt', 'writer', 'topic'],
  columns: {
    run: 'text',
    attempt: 'int',
    writer: 'text',
    topic: 'text',
    rank: 'int',
    contiguous: 'bigint',
    above: 'json',
    first_step: 'float8',
    last_step: 'float8',
    last_seen: 'bigint',
  },
};
const seenIdsTable = {
  name: 'seen_ids',
  key: ['partition', 'event_id'],
  columns: { partition: 'text', event_id: 'text', appended_at: 'bigint' },
};

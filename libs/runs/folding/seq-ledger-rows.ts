import type { EventHead, Topic } from '#libs/domain/event.js';
import type { SeqIntervals } from '#libs/domain/run-fold-seqs.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { seenIdsKeptMs, SeqLedger, type SeenId, type SeqRow } from './seq-ledger.js';

/** Where a ledger is kept: writers by topic, ids by partition. */
export interface LedgerPlace {
  readonly schema: string;
  readonly topic: Topic;
  readonly partition: string;
}

/** The ledger of a batch, over what is stored of its writers and ids. */
export async function loadLedger(
  session: SqlSession,
  { schema, topic, partition }: LedgerPlace,
  events: readonly EventHead[],
): Promise<SeqLedger> {
  const runs = new Set<string>();
  const writers = new Set<string>();
  const wanted = new Set<string>();
  for (const event of events) {
    if (!event.writer) wanted.add(event.id);
    else {
      runs.add(event.subject);
      writers.add(event.writer.id);
    }
  }
  const rows: SeqRow[] = [];
  if (runs.size > 0) {
    const stored = await session.query<Omit<SeqRow, 'seen'> & { contiguous: number; above: SeqIntervals['above'] }>(
      `select run, attempt, writer, rank, contiguous, above, first_step, last_step, last_seen from ${schema}.seqs
       where run = any($1::text[]) and writer = any($2::text[]) and topic = $3`,
      [[...runs], [...writers], topic],
    );
    for (const { contiguous, above, ...row } of stored) rows.push({ ...row, seen: { contiguous, above } });
  }
  const ids: SeenId[] = [];
  if (wanted.size > 0) {
    const stored = await session.query<{ event_id: string; appended_at: number }>(
      `select event_id, appended_at from ${schema}.seen_ids where partition = $1 and event_id = any($2::text[])`,
      [partition, [...wanted]],
    );
    for (const row of stored) ids.push({ id: row.event_id, appendedAt: row.appended_at });
  }
  return new SeqLedger(rows, ids);
}

/** Stores what has changed, and forgets the ids that are too old by the time of the batch's last record. */
export async function storeLedger(
  session: SqlSession,
  { schema, topic, partition }: LedgerPlace,
  ledger: SeqLedger,
  appendedAt: number,
): Promise<void> {
  const { rows, ids } = ledger.changed();
  await writeRows(
    session,
    schema,
    seqsTable,
    rows.map(({ seen, ...row }) => ({ ...row, topic, ...seen })),
  );
  if (ids.length === 0) return;
  await writeRows(
    session,
    schema,
    seenIdsTable,
    ids.map(({ id, appendedAt: appended_at }) => ({ partition, event_id: id, appended_at })),
  );
  await session.query(`delete from ${schema}.seen_ids where partition = $1 and appended_at < $2`, [
    partition,
    appendedAt - seenIdsKeptMs,
  ]);
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

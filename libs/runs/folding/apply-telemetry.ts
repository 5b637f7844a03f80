import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';
import type { ReadRecord } from './read-batch.js';
import { loadLedger, storeLedger } from './seq-ledger-rows.js';
import { telemetryRows } from './telemetry-rows.js';

/** One batch of telemetry, merged into what is stored, in any order. Touches no table of the `runs` topic. */
export async function applyTelemetry(
  session: SqlSession,
  schema: string,
  partition: string,
  records: readonly ReadRecord[],
): Promise<void> {
  if (records.length === 0) return;
  const place = { schema, topic: 'telemetry', partition } as const;
  const events = records.map(({ event }) => event);
  const ledger = await loadLedger(session, place, events);
  const { summaries, seen, beats } = telemetryRows(records, ledger);
  await storeLedger(session, place, ledger, records.at(-1)!.appendedAt);
  await writeRows(
    session,
    schema,
    livenessTable,
    seen,
    'do update set seen_at = greatest(t.seen_at, excluded.seen_at)',
  );
  await writeRows(session, schema, beatsTable, beats, 'do update set beat_at = greatest(t.beat_at, excluded.beat_at)');
  await writeRows(session, schema, summariesTable, summaries, mergeSummaries);
}

const lastColumns = [
  'last',
  'last_started',
  'last_attempt',
  'last_step',
  'last_rank',
  'last_seq',
  'last_time',
] as const;
const newer = `(excluded.last_started, excluded.last_attempt, excluded.last_step, -excluded.last_rank, excluded.last_seq, excluded.last)
             > (t.last_started, t.last_attempt, t.last_step, -t.last_rank, t.last_seq, t.last)`;
const lower =
  '(t.min is null or (excluded.min, excluded.min_step, excluded.min_rank) < (t.min, t.min_step, t.min_rank))';
const higher =
  '(t.max is null or (-excluded.max, excluded.max_step, excluded.max_rank) < (-t.max, t.max_step, t.max_rank))';
const choose = (condition: string, columns: readonly string[]): string =>
  columns.map((name) => `${name} = case when ${condition} then excluded.${name} else t.${name} end`).join(', ');
const mergeSummaries = `do update set count = t.count + excluded.count, ${choose(newer, lastColumns)},
  ${choose(`excluded.min is not null and ${lower}`, ['min', 'min_step', 'min_rank'])},
  ${choose(`excluded.max is not null and ${higher}`, ['max', 'max_step', 'max_rank'])}`;

const livenessTable = { name: 'liveness', key: ['run'], columns: { run: 'text', seen_at: 'bigint' } };
const beatsTable = {
  name: 'beats',
  key: ['run', 'attempt'],
  columns: { run: 'text', attempt: 'int', beat_at: 'bigint' },
};
const summariesTable = {
  name: 'summaries',
  key: ['run', 'key'],
  columns: {
    run: 'text',
    key: 'text',
    last: 'float8',
    last_started: 'bigint',
    last_attempt: 'int',
    last_step: 'float8',
    last_rank: 'int',
    last_seq: 'bigint',
    last_time: 'bigint',
    min: 'float8',
    min_step: 'float8',
    min_rank: 'int',
    max: 'float8',
    max_step: 'float8',
    max_rank: 'int',
    count: 'bigint',
  },
};

import type { PointBlock } from '#libs/domain/event.js';
import type { EventOnTopic } from '#libs/domain/event-table.js';
import type { SqlSession } from '#libs/postgres/sql-database.js';
import { writeRows } from '#libs/postgres/bulk-rows.js';
import type { ReadRecord } from './read-batch.js';
import { SeqLedger } from './seq-ledger.js';

/** The summary of one metric over the new points of a batch; merged into the stored one by SQL, in any order. */
interface Summary {
  last: number;
  /** When its attempt began: attempts are ordered by it, then by number. */
  last_started: number;
  last_attempt: number;
  last_step: number;
  last_rank: number;
  last_seq: number;
  last_time: number;
  min: number | null;
  min_step: number | null;
  min_rank: number | null;
  max: number | null;
  max_step: number | null;
  max_rank: number | null;
  count: number;
}
interface Source {
  readonly startedAt: number;
  readonly attempt: number;
  readonly rank: number;
  readonly seq: number;
  /** Unix ms of points that carry no time of their own. */
  readonly timeMs: number;
}

/** One batch of telemetry: accounting for all events, summaries for points. Touches no table of the `runs` topic. */
export async function applyTelemetry(
  session: SqlSession,
  schema: string,
  partition: string,
  records: readonly ReadRecord[],
): Promise<void> {
  if (records.length === 0) return;
  const ledger = await SeqLedger.load(
    session,
    schema,
    'telemetry',
    partition,
    records.map(({ event }) => event),
  );
  const summaries = new Map<string, Map<string, Summary>>();
  const seenAt = new Map<string, number>();
  const beats = new Map<string, { run: string; attempt: number; beat_at: number }>();
  for (const { event: any, appendedAt, offset } of records) {
    const event = any as EventOnTopic<'telemetry'>;
    const attempt = event.writer?.attempt ?? 1;
    if (!ledger.take(event, attempt, appendedAt)) continue;
    seenAt.set(event.subject, Math.max(seenAt.get(event.subject) ?? 0, appendedAt));
    switch (event.name) {
      case 'LinesLogged':
        continue; // accounted for; the metric store has them
      case 'HeartbeatSent': {
        const known = beats.get(`${event.subject} ${attempt}`);
        const beat_at = Math.max(known?.beat_at ?? 0, appendedAt);
        beats.set(`${event.subject} ${attempt}`, { run: event.subject, attempt, beat_at });
        continue;
      }
      case 'PointsLogged':
        break;
      default:
        event satisfies never;
    }
    let keys = summaries.get(event.subject);
    if (!keys) summaries.set(event.subject, (keys = new Map<string, Summary>()));
    // without a writer the log's order stands for the sequence: such events of a run share one partition
    const source = {
      startedAt: event.data.attemptStartedAtMs ?? 0,
      attempt,
      rank: event.writer?.rank ?? 0,
      seq: event.writer?.seq ?? offset,
      timeMs: event.timeMs,
    };
    let first = Infinity;
    let last = -Infinity;
    for (const block of event.data.blocks) {
      for (const step of block.steps) {
        if (step < first) first = step;
        if (step > last) last = step;
      }
      addBlock(keys, block, source);
    }
    if (first <= last) ledger.steps(event, attempt, first, last);
  }
  const rows = [...summaries].flatMap(([run, keys]) => [...keys].map(([key, summary]) => ({ run, key, ...summary })));
  await ledger.write(session, records.at(-1)!.appendedAt);
  await writeRows(
    session,
    schema,
    livenessTable,
    [...seenAt].map(([run, seen_at]) => ({ run, seen_at })),
    'do update set seen_at = greatest(t.seen_at, excluded.seen_at)',
  );
  await writeRows(
    session,
    schema,
    beatsTable,
    [...beats.values()],
    'do update set beat_at = greatest(t.beat_at, excluded.beat_at)',
  );
  await writeRows(session, schema, summariesTable, rows, mergeSummaries);
}

/** Exported for its property test: adds the points of one block to the summaries of a run. */
export function addBlock(summaries: Map<string, Summary>, block: PointBlock, source: Source): void {
  const { steps, values, times, everyValue } = block;
  const rows = steps.length;
  for (let k = 0; k < block.keys.length; k++) {
    const key = block.keys[k]!;
    let summary = summaries.get(key);
    if (!summary) {
      summary = {
        last: 0,
        last_started: -Infinity,
        last_attempt: -1,
        last_step: -Infinity,
        last_rank: 0,
        last_seq: 0,
        last_time: 0,
        min: null,
        min_step: null,
        min_rank: null,
        max: null,
        max_step: null,
        max_rank: null,
        count: 0,
      };
      summaries.set(key, summary);
    }
    const base = k * rows;
    let min = Infinity;
    let minAt = -1;
    let max = -Infinity;
    let maxAt = -1;
    let lastAt = 0;
    for (let i = 0; i < rows; i++) {
      const value = values[base + i]!;
      if (everyValue ? isLater(block, base, i, lastAt) : steps[i]! >= steps[lastAt]!) lastAt = i;
      // NaN fails both comparisons; infinities are left to the isFinite below
      if (value <= min && value > -Infinity && (value < min || steps[i]! < steps[minAt]!)) {
        min = value;
        minAt = i;
      }
      if (value >= max && value < Infinity && (value > max || steps[i]! < steps[maxAt]!)) {
        max = value;
        maxAt = i;
      }
    }
    summary.count += rows;
    const time = times ? times[lastAt]! : source.timeMs;
    // where every value of a step counts, the time of a value decides, not when it was sent
    const from = everyValue ? { ...source, seq: time } : source;
    addLast(summary, values[base + lastAt]!, steps[lastAt]!, time, from, everyValue);
    if (minAt >= 0 && Number.isFinite(min)) addMin(summary, min, steps[minAt]!, source.rank);
    if (maxAt >= 0 && Number.isFinite(max)) addMax(summary, max, steps[maxAt]!, source.rank);
  }
}

/** By (step, time, value); NaN above all numbers, as the database orders them. */
function isLater({ steps, times, values }: PointBlock, base: number, i: number, than: number): boolean {
  const ahead = steps[i]! - steps[than]! || (times ? times[i]! - times[than]! : 0);
  return ahead === 0 ? isAbove(values[base + i]!, values[base + than]!) : ahead > 0;
}
const isAbove = (value: number, than: number): boolean => value >= than || Number.isNaN(value);

/** The last value: of the attempt that began last, highest step, lowest rank, highest seq. */
function addLast(
  summary: Summary,
  value: number,
  step: number,
  time: number,
  { startedAt, attempt, rank, seq }: Source,
  everyValue: boolean,
): void {
  const ahead =
    startedAt - summary.last_started ||
    attempt - summary.last_attempt ||
    step - summary.last_step ||
    summary.last_rank - rank ||
    seq - summary.last_seq ||
    0;
  // within one event the later block wins
  if (ahead < 0 || (ahead === 0 && everyValue && summary.last_attempt >= 0 && !isAbove(value, summary.last))) return;
  summary.last = value + 0;
  summary.last_started = startedAt;
  summary.last_attempt = attempt;
  summary.last_step = step;
  summary.last_rank = rank;
  summary.last_seq = seq;
  summary.last_time = time;
}

function addMin(summary: Summary, value: number, step: number, rank: number): void {
  if (summary.min !== null && (value - summary.min || step - summary.min_step! || rank - summary.min_rank!) >= 0)
    return;
  summary.min = value + 0;
  summary.min_step = step;
  summary.min_rank = rank;
}

function addMax(summary: Summary, value: number, step: number, rank: number): void {
  if (summary.max !== null && (summary.max - value || step - summary.max_step! || rank - summary.max_rank!) >= 0)
    return;
  summary.max = value + 0;
  summary.max_step = step;
  summary.max_rank = rank;
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

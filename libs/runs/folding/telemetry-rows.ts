import type { EventOnTopic } from '#libs/domain/event-table.js';
import { systemKey } from '#libs/domain/system-key.js';
import { addBlock, type Summary } from './point-summaries.js';
import type { ReadRecord } from './read-batch.js';
import type { SeqLedger } from './seq-ledger.js';

/** What one batch of telemetry adds to the tables, besides its ledger. */
export interface TelemetryRows {
  readonly summaries: readonly Readonly<Summary & { run: string; key: string }>[];
  readonly seen: readonly { readonly run: string; readonly seen_at: number }[];
  readonly beats: readonly { readonly run: string; readonly attempt: number; readonly beat_at: number }[];
}

/** Accounting for all events that are new, signs of life, summaries of points. */
export function telemetryRows(records: readonly ReadRecord[], ledger: SeqLedger): TelemetryRows {
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
      case 'ValuesLogged': {
        const steps = event.data.values.map(({ step }) => step);
        if (steps.length > 0) ledger.steps(event, attempt, least(steps), -least(steps.map((step) => -step)));
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
      // how far a training is says its own steps; a resume goes on behind them
      for (const step of block.keys.every(systemKey) ? [] : block.steps) {
        if (step < first) first = step;
        if (step > last) last = step;
      }
      addBlock(keys, block, source);
    }
    if (first <= last) ledger.steps(event, attempt, first, last);
  }
  return {
    summaries: [...summaries].flatMap(([run, keys]) => [...keys].map(([key, summary]) => ({ run, key, ...summary }))),
    seen: [...seenAt].map(([run, seen_at]) => ({ run, seen_at })),
    beats: [...beats.values()],
  };
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);

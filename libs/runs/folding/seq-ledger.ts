import type { EventHead } from '#libs/domain/event.js';
import { addSeq, hasSeq, noSeqs, type SeqIntervals } from '#libs/domain/run-fold-seqs.js';

/** An event without a writer is known by its id for this long by the log's clock; a later repetition counts as new. */
export const seenIdsKeptMs = 7 * 24 * 3_600_000;

/** What is known of one writer; changed in place. */
export interface SeqRow {
  readonly run: string;
  readonly attempt: number;
  readonly writer: string;
  rank: number;
  seen: SeqIntervals;
  first_step: number | null;
  last_step: number | null;
  last_seen: number;
}
/** An event without a writer, and when the log took it. */
export interface SeenId {
  readonly id: string;
  readonly appendedAt: number;
}

const keyOf = (run: string, attempt: number, writer: string): string => `${run} ${attempt} ${writer}`;

/** Which events of a batch have been applied before: by (run, attempt, writer, seq), or by id where there is no writer. */
export class SeqLedger {
  private readonly rows = new Map<string, SeqRow>();
  private readonly ids = new Map<string, number>();
  private readonly changedRows = new Set<SeqRow>();
  private readonly newIds = new Set<string>();

  /** Over what was known before of the writers and ids of the batch. */
  constructor(rows: readonly SeqRow[] = [], ids: readonly SeenId[] = []) {
    for (const row of rows) this.rows.set(keyOf(row.run, row.attempt, row.writer), row);
    for (const { id, appendedAt } of ids) this.ids.set(id, appendedAt);
  }

  /** True when the event is new; it is accounted from then on. */
  take(event: EventHead, attempt: number, appendedAt: number): boolean {
    if (!event.writer) {
      const known = this.ids.get(event.id);
      if (known !== undefined && appendedAt - known <= seenIdsKeptMs) return false;
      this.ids.set(event.id, appendedAt);
      this.newIds.add(event.id);
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
      };
      this.rows.set(key, row);
    }
    row.seen = addSeq(row.seen, seq);
    row.last_seen = Math.max(row.last_seen, appendedAt);
    row.rank = Math.min(row.rank, rank);
    this.changedRows.add(row);
    return true;
  }

  steps(event: EventHead, attempt: number, first: number, last: number): void {
    const row = event.writer && this.rows.get(keyOf(event.subject, attempt, event.writer.id));
    if (!row) return;
    row.first_step = Math.min(row.first_step ?? Infinity, first);
    row.last_step = Math.max(row.last_step ?? -Infinity, last);
  }

  /** The rows that have changed, and nothing else: of the others somebody else may know more by now. */
  changed(): { readonly rows: readonly SeqRow[]; readonly ids: readonly SeenId[] } {
    return {
      rows: [...this.changedRows],
      ids: [...this.newIds].map((id) => ({ id, appendedAt: this.ids.get(id)! })),
    };
  }
}

import { changedTags } from './catalog-fold.js';
import type { EventData, EventOf } from './event.js';
import { accepted, refused, type FoldVerdict } from './run-fold-verdict.js';

export interface TraceState extends Omit<EventData['TraceLogged'], 'hasDuration' | 'durationMs'> {
  readonly id: string;
  /** False while only its spans or tags are known. */
  readonly logged: boolean;
  readonly durationMs: number | null;
  readonly deleted: boolean;
}
export type TraceEvent = EventOf<'TraceLogged' | 'TraceTagsSet' | 'TraceDeleted' | 'SpansLogged'>;

const empty = (id: string, timeMs: number): TraceState => ({
  id,
  logged: false,
  project: '',
  timeMs,
  durationMs: null,
  state: '',
  requestPreview: '',
  responsePreview: '',
  clientRequestId: '',
  metadata: {},
  tags: {},
  deleted: false,
});

/** Spans and the trace that they belong to come in any order; said again, the newer word about a trace wins. */
export function foldTrace(
  known: TraceState | null,
  event: TraceEvent,
): { readonly trace: TraceState | null; readonly verdict: FoldVerdict } {
  const before = known ?? empty(event.subject, event.timeMs);
  switch (event.name) {
    case 'TraceLogged': {
      const { hasDuration, durationMs, tags, metadata, project, timeMs, state } = event.data;
      const { requestPreview, responsePreview, clientRequestId } = event.data;
      const trace: TraceState = {
        ...before,
        project,
        timeMs,
        state,
        requestPreview,
        responsePreview,
        clientRequestId,
        logged: true,
        durationMs: hasDuration ? durationMs : null,
        tags: changedTags(before.tags, tags, []),
        metadata: changedTags(before.metadata, metadata, []),
      };
      return { trace, verdict: accepted(null) };
    }
    case 'TraceTagsSet': {
      if (!known || known.deleted)
        return { trace: known, verdict: refused('NOT_FOUND', `there is no trace ${event.subject}`, 'subject') };
      const tags = changedTags(known.tags, event.data.tags, event.data.removed);
      return { trace: { ...known, tags }, verdict: accepted(null) };
    }
    case 'TraceDeleted':
      return { trace: { ...before, deleted: true }, verdict: accepted(null) };
    case 'SpansLogged':
      return { trace: before, verdict: accepted(null) };
  }
}

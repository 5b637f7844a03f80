import { changedTags } from './catalog-fold.js';
import type { EventData, EventOf } from './event.js';
import type { EventOfKind } from './event-table.js';
import { limits } from './limits.js';
import { accepted, refused, type FoldVerdict } from './run-fold-verdict.js';

export interface TraceState extends Omit<EventData['TraceLogged'], 'hasDuration' | 'durationMs' | 'fromSpans'> {
  readonly id: string;
  /** False while only its spans or tags are known. */
  readonly logged: boolean;
  /** Its client said what it is; until then it is what its spans tell. */
  readonly told: boolean;
  readonly durationMs: number | null;
  readonly deleted: boolean;
  /** Runs it was linked to after it was logged. */
  readonly runs: readonly string[];
  /** By id, in the order in which they were first said. */
  readonly assessments: Readonly<Record<string, unknown>>;
}
export type TraceEvent = EventOfKind<'trace'>;
interface Folded {
  readonly trace: TraceState | null;
  readonly verdict: FoldVerdict;
}

const empty = (id: string, timeMs: number): TraceState => ({
  id,
  logged: false,
  told: false,
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
  runs: [],
  assessments: {},
});

/** Spans and the trace that they belong to come in any order; said again, the newer word about a trace wins. */
export function foldTrace(known: TraceState | null, event: TraceEvent): Folded {
  const before = known ?? empty(event.subject, event.timeMs);
  switch (event.name) {
    case 'TraceLogged': {
      const { data } = event;
      return { trace: data.fromSpans ? fromSpans(before, data) : told(before, data), verdict: accepted(null) };
    }
    case 'TraceDeleted':
      return { trace: { ...before, deleted: true }, verdict: accepted(null) };
    case 'SpansLogged':
      return { trace: before, verdict: accepted(null) };
    case 'TraceLinked':
      // the exporter may be slower than who links
      return foldChange(before, event);
    case 'TraceTagsSet':
    case 'TraceAssessed':
      if (!known || known.deleted)
        return { trace: known, verdict: refused('NOT_FOUND', `there is no trace ${event.subject}`, 'subject') };
      return foldChange(known, event);
  }
}

function told(before: TraceState, data: EventData['TraceLogged']): TraceState {
  const { project, timeMs, state, clientRequestId } = data;
  return {
    ...before,
    project,
    timeMs,
    state,
    clientRequestId,
    requestPreview: data.requestPreview || before.requestPreview,
    responsePreview: data.responsePreview || before.responsePreview,
    logged: true,
    told: true,
    durationMs: data.hasDuration ? data.durationMs : null,
    tags: changedTags(before.tags, data.tags, []),
    metadata: changedTags(before.metadata, data.metadata, []),
  };
}

/** The run that made a trace, then those that it was linked to. */
export const runsOfTrace = ({ metadata, runs }: Pick<TraceState, 'metadata' | 'runs'>): readonly string[] =>
  [metadata['mlflow.sourceRun'] ?? '', ...runs].filter((id) => id !== '');

export const usageKey = 'mlflow.trace.tokenUsage';

/** Batches of spans widen what is known of their trace; beside the word of its client they only fill gaps. */
function fromSpans(before: TraceState, data: EventData['TraceLogged']): TraceState {
  const filled: TraceState = {
    ...before,
    logged: true,
    requestPreview: before.requestPreview || data.requestPreview,
    responsePreview: before.responsePreview || data.responsePreview,
    tags: changedTags(data.tags, before.tags, []),
    metadata: changedTags(data.metadata, before.metadata, []),
  };
  if (before.told) return filled;
  // each batch says what all spans so far have used
  const used = data.metadata[usageKey];
  const first = !before.logged;
  const timeMs = first ? data.timeMs : Math.min(before.timeMs, data.timeMs);
  const ends = [
    ...(first || before.durationMs === null ? [] : [before.timeMs + before.durationMs]),
    ...(data.hasDuration ? [data.timeMs + data.durationMs] : []),
  ];
  return {
    ...filled,
    metadata: used === undefined ? filled.metadata : { ...filled.metadata, [usageKey]: used },
    project: before.project || data.project,
    timeMs,
    durationMs: ends.length === 0 ? null : Math.max(...ends) - timeMs,
    state: data.state || before.state || 'IN_PROGRESS',
  };
}

function foldChange(known: TraceState, event: EventOf<'TraceTagsSet' | 'TraceAssessed' | 'TraceLinked'>): Folded {
  const no = (...reason: Parameters<typeof refused>): Folded => ({ trace: known, verdict: refused(...reason) });
  switch (event.name) {
    case 'TraceTagsSet': {
      const tags = changedTags(known.tags, event.data.tags, event.data.removed);
      return { trace: { ...known, tags }, verdict: accepted(null) };
    }
    case 'TraceLinked': {
      const runs = [...new Set([...known.runs, ...event.data.runs])];
      if (runs.length > limits.runsPerTraceMax)
        return no('INVALID_ARGUMENT', `a trace is linked to at most ${limits.runsPerTraceMax} runs`, 'data.runs');
      return { trace: { ...known, runs }, verdict: accepted(null) };
    }
    case 'TraceAssessed': {
      const removed = new Set(event.data.removed);
      const unknown = event.data.removed.find((id) => !Object.hasOwn(known.assessments, id));
      if (unknown !== undefined)
        return no('NOT_FOUND', `trace ${known.id} has no assessment ${unknown}`, 'data.removed');
      const said = event.data.assessments.map(({ key, json }) => [key, JSON.parse(json) as unknown] as const);
      const kept = Object.entries(known.assessments).filter(([id]) => !removed.has(id));
      const assessments: Record<string, unknown> = Object.fromEntries([...kept, ...said]);
      const max = limits.assessmentsPerTraceMax;
      if (Object.keys(assessments).length > max)
        return no('INVALID_ARGUMENT', `a trace has at most ${max} assessments`, 'data.assessments');
      return { trace: { ...known, assessments }, verdict: accepted(null) };
    }
  }
}

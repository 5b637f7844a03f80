import type { EventData, Tags } from './event.js';
import type { EventOfKind } from './event-table.js';
import type { RejectionCode } from './rejection.js';
import { attemptFor, attemptStatus, inTrainingOrder, standingOf, type AttemptState } from './run-fold-attempts.js';
import { given, merge, type Origin, type Origined } from './run-fold-facts.js';
import { accepted, refused, type FoldVerdict } from './run-fold-verdict.js';

/** What one run is, from the events of the `runs` topic alone. Plain JSON. */
export interface RunState {
  readonly id: string;
  /** False while only other ranks' or late events are known: nobody has said RunStarted or RunForked yet. */
  readonly started: boolean;
  readonly facts: Readonly<Record<FactName, Origined<string>>>;
  readonly costPerHour: Origined<number>;
  readonly environment: Origined<NonNullable<EventData['EnvironmentCaptured']['environment']> | null>;
  readonly tags: Readonly<Record<string, Origined<string>>>;
  readonly params: Readonly<Record<string, Origined<string>>>;
  readonly labels: readonly string[];
  readonly summarySet: Readonly<Record<string, string>>;
  readonly status: 'running' | 'finished' | 'failed' | 'killed';
  readonly statusReason: string;
  readonly archived: boolean;
  readonly deleted: boolean;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly worldSize: number;
  /** By number. */
  readonly attempts: readonly AttemptState[];
  /** Ended by the word of `status`, unless the writers of one of these attempts still live. */
  readonly openAttempts: readonly number[];
  readonly forkOf: { readonly run: string; readonly attempt: number | null; readonly step: number | null } | null;
}
export type FactName = 'project' | 'name' | 'group' | 'jobType' | 'user' | 'notes';

/** What the fold knows of the event's writer in its attempt. */
export interface WriterState {
  readonly state: 'running' | 'finished' | 'failed' | 'killed';
  readonly host: string;
  readonly lastTelemetrySeq: number | null;
  readonly lastRunsSeq: number | null;
}

export interface Folded {
  readonly state: RunState | null;
  readonly writer: WriterState | null;
  readonly verdict: FoldVerdict;
}

export type RunEvent = EventOfKind<'run'>;

const nothing = { value: '', origin: 0 } as const;

export function emptyRun(id: string, timeMs: number): RunState {
  return {
    id,
    started: false,
    facts: { project: nothing, name: nothing, group: nothing, jobType: nothing, user: nothing, notes: nothing },
    costPerHour: { value: 0, origin: 0 },
    environment: { value: null, origin: 0 },
    tags: {},
    params: {},
    labels: [],
    summarySet: {},
    status: 'running',
    statusReason: '',
    archived: false,
    deleted: false,
    startedAt: timeMs,
    endedAt: null,
    worldSize: 0,
    attempts: [],
    openAttempts: [],
    forkOf: null,
  };
}

/** The attempt an event is accounted under: RunStarted may leave it (0) to the fold; the newest one for events without a writer. */
export function attemptOfEvent(state: RunState | null, event: RunEvent): number {
  const attempts = state?.attempts ?? [];
  if (event.writer && event.writer.attempt > 0) return event.writer.attempt;
  if (event.name === 'RunStarted') return attemptFor(attempts, 0, event.data.launch);
  if (event.name === 'RunResumed') return attemptFor(attempts, event.data.attempt, event.data.launch);
  return inTrainingOrder(attempts).at(-1)?.number ?? 1;
}

/**
 * One event on the state of its run: pure and total. Duplicates are the caller's business and must not come here; refused events
 * leave the state as it was.
 */
export function foldRun(state: RunState | null, writer: WriterState | null, event: RunEvent): Folded {
  const refusal = refusalOf(state, event);
  if (refusal) return { state, writer, verdict: refusal };
  const number = attemptOfEvent(state, event);
  const before = state ?? emptyRun(event.subject, event.timeMs);
  const seen =
    event.writer === null
      ? writer
      : (writer ?? { state: 'running', host: '', lastTelemetrySeq: null, lastRunsSeq: null });
  const base = event.writer !== null && writer === null ? withAppeared(before, number) : before;
  const after = evolve(base, seen, event, number);
  const orderAt = after.state.attempts.find((attempt) => attempt.number === number)?.orderAt;
  return { ...after, verdict: { ...accepted(number), ...(orderAt ? { attemptStartedAtMs: orderAt } : {}) } };
}

/** The closed list of reasons to refuse. */
function refusalOf(state: RunState | null, event: RunEvent): FoldVerdict | null {
  const no = (code: RejectionCode, message: string, field?: string): FoldVerdict => refused(code, message, field);
  // a training that goes on does not know that somebody deleted its run: what it says is kept, for the day it is restored
  const said = event.writer !== null && event.name !== 'RunStarted' && event.name !== 'RunResumed';
  if (state?.deleted && event.name !== 'RunRestored' && !said) {
    return no('RUN_DELETED', `run ${event.subject} is deleted; restore it first`);
  }
  // a command of a person about a run nobody started; a writer's event may simply be ahead of its RunStarted
  const creates = event.name === 'RunStarted' || event.name === 'RunForked';
  if (!state?.started && !creates && event.writer === null && event.reply) {
    return no('NOT_FOUND', `there is no run ${event.subject}`);
  }
  if (event.name === 'RunForked' && state?.started) return no('ALREADY_EXISTS', `run ${event.subject} already exists`);
  if (event.name === 'ParamsLogged' && event.data.immutable) {
    for (const [index, { key, json }] of event.data.params.entries()) {
      const known = given(state?.params, key);
      if (known && known.value !== json) {
        const message = `param "${key}" is ${known.value.slice(0, 200)} and can't be changed to ${json.slice(0, 200)}; log it under another key`;
        return no('PARAM_CONFLICT', message, `data.params[${index}]`);
      }
    }
  }
  return null;
}

function withAppeared(state: RunState, number: number): RunState {
  return updateAttempt(state, number, (attempt) => ({ ...attempt, writers: attempt.writers + 1 }));
}

function updateAttempt(state: RunState, number: number, change: (attempt: AttemptState) => AttemptState): RunState {
  const known = state.attempts.find((attempt) => attempt.number === number);
  const empty: AttemptState = {
    number,
    launch: null,
    startedAt: null,
    orderAt: null,
    endedAt: null,
    fromStep: null,
    worldSize: 0,
    writers: 0,
    finished: 0,
    failed: 0,
    killed: 0,
    whole: null,
    reason: '',
  };
  const attempts = [...state.attempts.filter((attempt) => attempt !== known), change(known ?? empty)].sort(
    (a, b) => a.number - b.number,
  );
  return withStatus({ ...state, attempts });
}

function withStatus(state: RunState): RunState {
  const standing = standingOf(state.attempts);
  if (!standing) return state;
  const newest = inTrainingOrder(state.attempts).at(-1)!;
  return {
    ...state,
    status: standing.status,
    statusReason: standing.reason,
    endedAt: standing.endedAt,
    openAttempts: standing.openAttempts,
    worldSize: newest.worldSize > 0 ? newest.worldSize : state.worldSize,
  };
}

function evolve(
  state: RunState,
  writer: WriterState | null,
  event: RunEvent,
  number: number,
): { state: RunState; writer: WriterState | null } {
  const keep = (next: RunState): { state: RunState; writer: WriterState | null } => ({ state: next, writer });
  switch (event.name) {
    case 'RunStarted':
      return {
        state: started(state, event.data, event.timeMs, number, event.writer !== null && event.writer.rank > 0 ? 1 : 2),
        writer: writer && { ...writer, host: event.data.environment?.host || writer.host },
      };
    case 'RunResumed': {
      const { environment } = event.data;
      const next = begun(state, event.data, event.timeMs, number);
      return {
        state: environment ? { ...next, environment: merge(next.environment, environment, 3) } : next,
        writer: writer && { ...writer, host: environment?.host || writer.host },
      };
    }
    case 'RunFinished':
      return finished(state, writer, event.data, event.timeMs, number);
    case 'ParamsLogged':
      return keep({
        ...state,
        params: { ...state.params, ...explicit(event.data.params.map(({ key, json }) => [key, json])) },
      });
    case 'TagsSet':
      return keep(tagged(state, event.data));
    case 'NoteSet':
      return keep(withFact(state, 'notes', event.data.text));
    case 'RunRenamed':
      return keep(withFact(state, 'name', event.data.name));
    case 'RunMoved':
      return keep(withFact(withFact(state, 'project', event.data.project), 'group', event.data.group));
    case 'SummarySet':
      return keep({
        ...state,
        summarySet: { ...state.summarySet, ...fromEntries(event.data.values.map(({ key, json }) => [key, json])) },
      });
    case 'EnvironmentCaptured':
      return keep({ ...state, environment: { value: event.data.environment ?? null, origin: 3 } });
    case 'ArtifactLogged':
    case 'ArtifactUsed':
    case 'InputsLogged':
    case 'OutputsLogged':
      // artifacts, data sets and models are rows of their own: the projection keeps them
      return keep(state);
    case 'RunArchived':
      return keep({ ...state, archived: true });
    case 'RunRestored':
      return keep({ ...state, archived: false, deleted: false });
    case 'RunDeleted':
      return keep({ ...state, deleted: true });
    case 'RunForked': {
      const { fromRun, fromAttempt, fromStep, project, name } = event.data;
      const forkOf = { run: fromRun, attempt: fromAttempt > 0 ? fromAttempt : null, step: fromStep };
      const facts = {
        ...state.facts,
        project: merge(state.facts.project, project, 1),
        name: merge(state.facts.name, name, 1),
      };
      return keep({ ...state, started: true, startedAt: event.timeMs, facts, forkOf });
    }
  }
}

// keys come from users: "__proto__" must be an ordinary one
const fromEntries = <T>(entries: readonly (readonly [string, T])[]): Record<string, T> => Object.fromEntries(entries);
const explicit = (entries: readonly (readonly [string, string])[]): Record<string, Origined<string>> =>
  fromEntries(entries.map(([key, value]) => [key, { value, origin: 3 }]));

function withFact(state: RunState, name: FactName, value: string): RunState {
  return { ...state, facts: { ...state.facts, [name]: { value, origin: 3 } } };
}

function tagged(state: RunState, data: EventData['TagsSet']): RunState {
  const removed = new Set(data.removed);
  const kept = Object.entries(state.tags).filter(([key]) => !removed.has(key));
  const labels = new Set([...state.labels, ...data.labels]);
  for (const label of data.labelsRemoved) labels.delete(label);
  return {
    ...state,
    tags: { ...fromEntries(kept), ...explicit(Object.entries(data.tags)) },
    labels: [...labels].sort(),
  };
}

function mergeAll(
  known: Readonly<Record<string, Origined<string>>>,
  entries: readonly (readonly [string, string])[],
  origin: Origin,
): Readonly<Record<string, Origined<string>>> {
  if (entries.length === 0) return known;
  return {
    ...known,
    ...fromEntries(
      entries.map(([key, value]) => [key, merge(given(known, key) ?? { value: '', origin: 0 }, value, origin)]),
    ),
  };
}

const tagEntries = (tags: Tags): readonly (readonly [string, string])[] => Object.entries(tags);

function started(
  state: RunState,
  data: EventData['RunStarted'],
  timeMs: number,
  number: number,
  origin: Origin,
): RunState {
  const { facts } = state;
  const next: RunState = {
    ...state,
    started: true,
    startedAt: state.started ? Math.min(state.startedAt, timeMs) : timeMs,
    facts: {
      project: merge(facts.project, data.project, origin),
      name: merge(facts.name, data.name, origin),
      group: merge(facts.group, data.group, origin),
      jobType: merge(facts.jobType, data.jobType, origin),
      user: merge(facts.user, data.user, origin),
      notes: merge(facts.notes, data.notes, origin),
    },
    costPerHour: merge(state.costPerHour, data.costPerHour, origin),
    environment: merge(state.environment, data.environment ?? null, origin),
    tags: mergeAll(state.tags, tagEntries(data.tags), origin),
    params: mergeAll(
      state.params,
      data.params.map(({ key, json }) => [key, json] as const),
      origin,
    ),
    labels: [...new Set([...state.labels, ...data.labels])].sort(),
  };
  return begun(next, data, timeMs, number);
}

const reopened = { finished: 0, failed: 0, killed: 0, whole: null, endedAt: null, reason: '' } as const;

/**
 * An attempt is said to begin: by RunStarted, or by RunResumed, which also takes an ended attempt back to running, unless it was said
 * before that end: a resume that arrives late, or that of another rank, must not undo the failure it led to.
 */
function begun(
  state: RunState,
  data: { launch: string; fromStep: number; hasFromStep: boolean; worldSize: number },
  timeMs: number,
  number: number,
): RunState {
  return updateAttempt(state, number, (attempt) => ({
    ...attempt,
    launch: attempt.launch ?? data.launch,
    startedAt: attempt.startedAt === null ? timeMs : Math.min(attempt.startedAt, timeMs),
    orderAt: attempt.orderAt ?? timeMs,
    worldSize: Math.max(attempt.worldSize, data.worldSize),
    fromStep: data.hasFromStep ? Math.min(attempt.fromStep ?? Infinity, data.fromStep) : attempt.fromStep,
    ...('attempt' in data && attemptStatus(attempt) !== 'running' && timeMs > (attempt.endedAt ?? -Infinity)
      ? reopened
      : {}),
  }));
}

function finished(
  state: RunState,
  writer: WriterState | null,
  data: EventData['RunFinished'],
  timeMs: number,
  number: number,
): { state: RunState; writer: WriterState | null } {
  const outcome = data.state as 'finished' | 'failed' | 'killed';
  const before = writer?.state ?? null;
  const next = updateAttempt(state, number, (attempt) => {
    const counts = { finished: attempt.finished, failed: attempt.failed, killed: attempt.killed };
    if (before !== null && before !== 'running') counts[before] = Math.max(0, counts[before] - 1);
    if (before !== null) counts[outcome] += 1;
    return {
      ...attempt,
      ...counts,
      // who ends the whole run without being one of its writers may correct the time
      endedAt: data.wholeRun && !writer ? timeMs : Math.max(attempt.endedAt ?? -Infinity, timeMs),
      whole: data.wholeRun ? outcome : attempt.whole,
      reason: data.reason !== '' && (outcome !== 'finished' || attempt.reason === '') ? data.reason : attempt.reason,
    };
  });
  if (!writer) return { state: next, writer };
  return {
    state: next,
    writer: { ...writer, state: outcome, lastTelemetrySeq: data.lastTelemetrySeq, lastRunsSeq: data.lastRunsSeq },
  };
}

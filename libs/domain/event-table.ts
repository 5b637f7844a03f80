import type { Event, EventName, EventOf, Topic } from './event.js';

/** What an event is about: whose fold takes it. What is of one kind is found by this, never by the beginning of a name. */
export type EventKind = keyof typeof topicOfKind;
const topicOfKind = {
  project: 'catalog',
  registry: 'catalog',
  apiKey: 'catalog',
  run: 'runs',
  loggedModel: 'runs',
  file: 'runs',
  trace: 'runs',
  points: 'telemetry',
  lines: 'telemetry',
  values: 'telemetry',
  heartbeat: 'telemetry',
} as const satisfies Record<string, Topic>;

interface EventEntry {
  readonly kind: EventKind;
  /** Fills rows of its own beside the state of its run: artifacts, data sets, models (`libs/runs/folding/run-fact-rows.ts`). */
  readonly rows?: true;
  /** Is part of the directory of runs that SQL reads (`libs/metrics/writing/run-facts.ts`). */
  readonly directory?: true;
  /** Is a noun of SQL beside runs: data sets, models, traces (`libs/metrics/writing/noun-facts.ts`). */
  readonly noun?: true;
}

/**
 * The one place that says where an event goes. The types by which folds and projections take their events are derived from it, so that a
 * new event is asked for by the compiler wherever somebody has to handle it (docs/contributing.md).
 */
const eventTable = {
  ProjectCreated: { kind: 'project' },
  ProjectRenamed: { kind: 'project' },
  ProjectTagsSet: { kind: 'project' },
  ProjectDeleted: { kind: 'project' },
  ProjectRestored: { kind: 'project' },
  RegisteredModelCreated: { kind: 'registry' },
  RegisteredModelRenamed: { kind: 'registry' },
  RegisteredModelChanged: { kind: 'registry' },
  RegisteredModelDeleted: { kind: 'registry' },
  ModelVersionCreated: { kind: 'registry' },
  ModelVersionChanged: { kind: 'registry' },
  ModelVersionDeleted: { kind: 'registry' },
  ApiKeyCreated: { kind: 'apiKey' },
  ApiKeyRevoked: { kind: 'apiKey' },
  RunStarted: { kind: 'run', directory: true },
  RunResumed: { kind: 'run', directory: true },
  RunFinished: { kind: 'run', directory: true },
  ParamsLogged: { kind: 'run', directory: true },
  TagsSet: { kind: 'run', directory: true },
  NoteSet: { kind: 'run', directory: true },
  RunRenamed: { kind: 'run', directory: true },
  RunMoved: { kind: 'run', directory: true },
  SummarySet: { kind: 'run', directory: true },
  EnvironmentCaptured: { kind: 'run' },
  ArtifactLogged: { kind: 'run', rows: true },
  ArtifactUsed: { kind: 'run', rows: true },
  InputsLogged: { kind: 'run', rows: true, noun: true },
  OutputsLogged: { kind: 'run', rows: true, noun: true },
  RunArchived: { kind: 'run', directory: true },
  RunRestored: { kind: 'run', directory: true },
  RunDeleted: { kind: 'run', directory: true },
  RunForked: { kind: 'run', directory: true },
  LoggedModelCreated: { kind: 'loggedModel', noun: true },
  LoggedModelChanged: { kind: 'loggedModel', noun: true },
  LoggedModelMeasured: { kind: 'loggedModel', noun: true },
  LoggedModelDeleted: { kind: 'loggedModel', noun: true },
  FileStored: { kind: 'file', rows: true },
  FileRemoved: { kind: 'file', rows: true },
  TraceLogged: { kind: 'trace', noun: true },
  TraceTagsSet: { kind: 'trace', noun: true },
  TraceAssessed: { kind: 'trace', noun: true },
  TraceLinked: { kind: 'trace', noun: true },
  TraceDeleted: { kind: 'trace', noun: true },
  SpansLogged: { kind: 'trace', noun: true },
  PointsLogged: { kind: 'points' },
  LinesLogged: { kind: 'lines' },
  ValuesLogged: { kind: 'values' },
  HeartbeatSent: { kind: 'heartbeat' },
} as const satisfies Record<EventName, EventEntry>;
type Table = typeof eventTable;

type NamesOf<Trait> = { [Name in EventName]: Table[Name] extends Trait ? Name : never }[EventName];
export type EventOfKind<Kind extends EventKind> = EventOf<NamesOf<{ readonly kind: Kind }>>;
type KindsOn<T extends Topic> = { [Kind in EventKind]: (typeof topicOfKind)[Kind] extends T ? Kind : never }[EventKind];
export type EventOnTopic<T extends Topic> = EventOfKind<KindsOn<T>>;
export type EventWithRows = EventOf<NamesOf<{ readonly rows: true }>>;
export type EventInDirectory = EventOf<NamesOf<{ readonly directory: true }>>;
export type NounOfSql = EventOf<NamesOf<{ readonly noun: true }>>;
/** What is done with each of these events; the compiler asks for those that are missing. */
export type Handlers<Some extends Event, Result = void> = {
  readonly [Name in Some['name']]: (event: EventOf<Name>) => Result;
};

export const kindOf = (name: EventName): EventKind => eventTable[name].kind;
export const topicOf = (name: EventName): Topic => topicOfKind[kindOf(name)];
export const isOfKind = <Kind extends EventKind>(kind: Kind, event: Event): event is EventOfKind<Kind> =>
  kindOf(event.name) === kind;
export const hasRows = (event: Event): event is EventWithRows => 'rows' in eventTable[event.name];
export const isInDirectory = (event: Event): event is EventInDirectory => 'directory' in eventTable[event.name];
export const isNounOfSql = (event: Event): event is NounOfSql => 'noun' in eventTable[event.name];

/** Calls the handler of the event's own name. */
export function handle<Some extends Event, Result>(handlers: Handlers<Some, Result>, event: Some): Result {
  return (handlers as unknown as Readonly<Record<string, (event: Some) => Result>>)[event.name]!(event);
}

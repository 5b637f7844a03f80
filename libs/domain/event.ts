/**
 * The events of Runstream as the program sees them, after reading and upcasting. The shapes mirror wire/runstream.proto
 * (proto3: an absent field has its zero value, so nothing here is optional). Times are Unix ms.
 */
export const topics = ['catalog', 'runs', 'telemetry'] as const;
export type Topic = (typeof topics)[number];

/** Which process of which attempt said it, and the how-manieth batch of that process on this topic it is (from 1). */
export interface Writer {
  readonly id: string;
  readonly attempt: number;
  readonly rank: number;
  readonly seq: number;
}

export interface Param {
  readonly key: string;
  /** The value as JSON text. */
  readonly json: string;
}
export type Tags = Readonly<Record<string, string>>;

export interface Environment {
  readonly git?: { commit: string; branch: string; dirty: boolean; remote: string; diffDigest: string } | null;
  readonly command: string;
  readonly host: string;
  readonly user: string;
  readonly os: string;
  readonly runtime: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly hardware?: {
    cpu: string;
    cpuCount: number;
    memoryBytes: number;
    gpus: string[];
    acceleratorRuntime: string;
  } | null;
  readonly seeds: Readonly<Record<string, string>>;
  readonly launcher: string;
  readonly cwd: string;
}

/** Dense rectangle of points: `values[k * steps.length + i]` is `keys[k]` at `steps[i]`. */
export interface PointBlock {
  readonly keys: readonly string[];
  /** Training steps, integers. */
  readonly steps: Float64Array;
  /** Unix ms per step; null: the event's time holds for all. */
  readonly times: Float64Array | null;
  readonly values: Float64Array;
  /** Keep several values per step (a client whose protocol does); otherwise the last one of an attempt wins. */
  readonly everyValue: boolean;
  /** The steps were counted, not given: they take the place of no other attempt's. Absent: false. */
  readonly counted?: boolean;
}

export const richKinds = [
  'image',
  'histogram',
  'table',
  'text',
  'audio',
  'video',
  'html',
  'figure',
  'points3d',
  'confusion_matrix',
  'curve',
  'file',
] as const;
export type RichKind = (typeof richKinds)[number];

/** A value that is no number: what it holds is in `text`, in `data` or in a file of the artifact store. */
export interface RichValue {
  readonly key: string;
  readonly step: number;
  /** Unix ms; 0: the event's time. */
  readonly timeMs: number;
  readonly kind: RichKind;
  /** Place among the values that were logged together, from 0. */
  readonly index: number;
  /** How many these are; 0 for one. */
  readonly count: number;
  readonly mime: string;
  readonly text: string;
  readonly data: Uint8Array;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly caption: string;
  readonly facts: Tags;
}

export interface Line {
  /** Per writer, from 1. */
  readonly number: number;
  readonly stream: 'stdout' | 'stderr';
  readonly timeMs: number;
  readonly text: string;
}

/** A data set that a run read, as its client described it. */
export interface Dataset {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema: string;
  readonly profile: string;
  readonly tags: Tags;
}
export interface ModelMetric {
  readonly key: string;
  readonly value: number;
  readonly timeMs: number;
  readonly step: number;
  readonly datasetName: string;
  readonly datasetDigest: string;
  readonly run: string;
}

export interface EventData {
  // catalog
  ProjectCreated: { description: string; tags: Tags; world: string; title: string };
  ProjectRenamed: { title: string };
  ProjectTagsSet: { tags: Tags; removed: readonly string[] };
  ProjectDeleted: object;
  ProjectRestored: object;
  RegisteredModelCreated: { world: string; name: string; description: string; tags: Tags };
  RegisteredModelRenamed: { world: string; name: string; newName: string };
  RegisteredModelChanged: {
    world: string;
    name: string;
    description: string;
    hasDescription: boolean;
    tags: Tags;
    removed: readonly string[];
    aliases: Tags;
    aliasesRemoved: readonly string[];
  };
  RegisteredModelDeleted: { world: string; name: string };
  ModelVersionCreated: {
    world: string;
    name: string;
    source: string;
    location: string;
    run: string;
    loggedModel: string;
    description: string;
    tags: Tags;
  };
  ModelVersionChanged: {
    world: string;
    name: string;
    version: number;
    description: string;
    hasDescription: boolean;
    tags: Tags;
    removed: readonly string[];
    stage: string;
    archiveOthers: boolean;
  };
  ModelVersionDeleted: { world: string; name: string; version: number };
  ApiKeyCreated: { keyId: string; name: string; hash: string; scopes: readonly string[] };
  ApiKeyRevoked: { keyId: string };
  // runs
  RunStarted: {
    project: string;
    name: string;
    group: string;
    jobType: string;
    user: string;
    notes: string;
    tags: Tags;
    params: readonly Param[];
    environment?: Environment | null;
    worldSize: number;
    launch: string;
    fromStep: number;
    hasFromStep: boolean;
    costPerHour: number;
    labels: readonly string[];
  };
  RunResumed: {
    attempt: number;
    launch: string;
    fromStep: number;
    hasFromStep: boolean;
    worldSize: number;
    environment?: Environment | null;
  };
  RunFinished: {
    state: string;
    reason: string;
    lastTelemetrySeq: number;
    lastRunsSeq: number;
    exitCode: number;
    wholeRun: boolean;
  };
  ParamsLogged: { params: readonly Param[]; immutable: boolean };
  TagsSet: { tags: Tags; removed: readonly string[]; labels: readonly string[]; labelsRemoved: readonly string[] };
  NoteSet: { text: string };
  RunRenamed: { name: string };
  /** Project and group as they are from now on. */
  RunMoved: { project: string; group: string };
  SummarySet: { values: readonly Param[] };
  EnvironmentCaptured: { environment?: Environment | null };
  ArtifactLogged: {
    name: string;
    type: string;
    digest: string;
    sizeBytes: number;
    mime: string;
    metadata: Tags;
    step: number;
    hasStep: boolean;
  };
  ArtifactUsed: { digest: string; name: string; fromRun: string };
  RunArchived: object;
  RunRestored: object;
  RunDeleted: object;
  RunForked: { fromRun: string; fromAttempt: number; fromStep: number; project: string; name: string };
  InputsLogged: { datasets: readonly Dataset[]; models: readonly string[] };
  OutputsLogged: { models: readonly { readonly model: string; readonly step: number }[] };
  LoggedModelCreated: {
    project: string;
    name: string;
    modelType: string;
    run: string;
    params: readonly Param[];
    tags: Tags;
  };
  LoggedModelChanged: { status: string; tags: Tags; removed: readonly string[]; params: readonly Param[] };
  LoggedModelMeasured: { metrics: readonly ModelMetric[] };
  LoggedModelDeleted: object;
  FileStored: { world: string; path: string; digest: string; sizeBytes: number; mime: string; artifact: string };
  FileRemoved: { world: string; path: string; artifact: string };
  TraceLogged: {
    project: string;
    timeMs: number;
    durationMs: number;
    hasDuration: boolean;
    state: string;
    requestPreview: string;
    responsePreview: string;
    clientRequestId: string;
    metadata: Tags;
    tags: Tags;
    /** Only what a batch of spans tells of its trace: what its client says is better. */
    fromSpans: boolean;
  };
  TraceAssessed: { assessments: readonly Param[]; removed: readonly string[] };
  TraceLinked: { runs: readonly string[] };
  TraceTagsSet: { tags: Tags; removed: readonly string[] };
  TraceDeleted: object;
  SpansLogged: { spans: readonly string[] };
  // telemetry
  PointsLogged: {
    blocks: readonly PointBlock[];
    /** Unix ms at which the attempt began, the same for all its writers; absent or 0: attempts are ordered by number. */
    attemptStartedAtMs?: number;
    /** With `hasRewindTo`: steps from here on of attempts before this one are no longer shown. */
    rewindTo?: number;
    hasRewindTo?: boolean;
  };
  LinesLogged: { lines: readonly Line[] };
  ValuesLogged: {
    values: readonly RichValue[];
    /** As in PointsLogged. */
    attemptStartedAtMs: number;
    rewindTo: number;
    hasRewindTo: boolean;
  };
  HeartbeatSent: { lastStep: number; spooledBytes: number };
}
export type EventName = keyof EventData;

/** The envelope, readable without touching the payload. */
export interface EventHead {
  readonly id: string;
  readonly source: string;
  /** Run id; for catalog events the project name (ProjectCreated) or "". */
  readonly subject: string;
  readonly timeMs: number;
  readonly writer: Writer | null;
  /** The caller waits for the verdict of the fold. */
  readonly reply: boolean;
}
export type Event = {
  [Name in EventName]: EventHead & { readonly name: Name; readonly data: EventData[Name] };
}[EventName];
export type EventOf<Name extends EventName> = Extract<Event, { name: Name }>;

/** Lifecycle of a run as people see it. `lost`: its writers fell silent; derived at read from heartbeats, never stored. */
export type RunStatus = 'running' | 'finished' | 'failed' | 'killed' | 'lost';

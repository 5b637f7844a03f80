import { richKinds, type EventName } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';

/** What a payload field may hold; one table serves the reading of JSON and the checking of Protobuf. */
export type Field =
  | {
      readonly kind: 'text';
      readonly charsMax: number;
      readonly required?: boolean;
      readonly oneOf?: readonly string[];
      readonly pattern?: RegExp;
      /** Tables are asked by it, so it must be what they can keep: no NUL. */
      readonly key?: boolean;
    }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  /** `odd`: NaN and infinities as well. */
  | { readonly kind: 'number'; readonly odd?: boolean }
  | { readonly kind: 'boolean' }
  /** In JSON as base64. */
  | { readonly kind: 'bytes'; readonly bytesMax: number }
  | { readonly kind: 'texts'; readonly itemsMax: number; readonly charsMax: number }
  | { readonly kind: 'texts-by-key'; readonly itemsMax: number; readonly charsMax: number }
  | { readonly kind: 'params'; readonly itemsMax: number }
  | { readonly kind: 'object'; readonly shape: Shape }
  | { readonly kind: 'objects'; readonly itemsMax: number; readonly shape: Shape };
export type Shape = Readonly<Record<string, Field>>;

const safe = Number.MAX_SAFE_INTEGER;
const text = (
  charsMax: number = limits.nameCharsMax,
  more: { required?: boolean; oneOf?: readonly string[]; pattern?: RegExp; key?: boolean } = {},
): Field => ({
  kind: 'text',
  charsMax,
  ...more,
});
const count: Field = { kind: 'integer', min: 0, max: safe };
const integer: Field = { kind: 'integer', min: -safe, max: safe };
const flag: Field = { kind: 'boolean' };
const tags: Field = { kind: 'texts-by-key', itemsMax: limits.tagsPerEventMax, charsMax: limits.tagValueCharsMax };
const labels: Field = { kind: 'texts', itemsMax: limits.tagsPerEventMax, charsMax: limits.keyCharsMax };
const params: Field = { kind: 'params', itemsMax: limits.paramsPerEventMax };
const attempt: Field = { kind: 'integer', min: 0, max: limits.attemptMax };
const worldSize: Field = { kind: 'integer', min: 0, max: limits.rankMax + 1 };
const digest = text(80, { required: true, pattern: /^sha256:[0-9a-f]{64}$/ });
const runId = { pattern: /^[A-Za-z0-9._-]+$/ };

export const runIdPattern = runId.pattern;

const environment: Field = {
  kind: 'object',
  shape: {
    git: {
      kind: 'object',
      shape: { commit: text(), branch: text(), dirty: flag, remote: text(2_000), diffDigest: text() },
    },
    command: text(limits.paramValueCharsMax),
    host: text(),
    user: text(),
    os: text(),
    runtime: text(),
    packages: { kind: 'texts-by-key', itemsMax: 10_000, charsMax: 200 },
    hardware: {
      kind: 'object',
      shape: {
        cpu: text(),
        cpuCount: count,
        memoryBytes: count,
        gpus: { kind: 'texts', itemsMax: 64, charsMax: 200 },
        acceleratorRuntime: text(),
      },
    },
    seeds: { kind: 'texts-by-key', itemsMax: 100, charsMax: 200 },
    launcher: text(),
    cwd: text(4_096),
  },
};

const dataset: Shape = {
  name: text(limits.nameCharsMax, { required: true }),
  digest: text(),
  sourceType: text(),
  source: text(limits.textCharsMax),
  schema: text(limits.textCharsMax),
  profile: text(limits.textCharsMax),
  tags,
};
const key = text(limits.keyCharsMax, { required: true });
const modelMetric: Shape = {
  key,
  value: { kind: 'number', odd: true },
  timeMs: integer,
  step: integer,
  datasetName: text(),
  datasetDigest: text(),
  run: text(limits.runIdCharsMax),
};
const project = text(limits.projectCharsMax, { required: true });
const title = text(limits.projectCharsMax, { key: true });
const longTags: Field = { kind: 'texts-by-key', itemsMax: limits.tagsPerEventMax, charsMax: limits.longTagCharsMax };
const world = text(limits.worldCharsMax, { pattern: /^[a-z0-9][a-z0-9._-]*$/ });
const modelName = text(limits.nameCharsMax, { required: true, key: true });
const model: Shape = { world, name: modelName };
const version: Field = { kind: 'integer', min: 1, max: 2 ** 31 - 1 };
const described: Shape = { description: text(limits.textCharsMax), hasDescription: flag };
const tagChange: Shape = { tags: longTags, removed: labels };
const path = text(limits.pathCharsMax, { required: true });

const place: Field = { kind: 'integer', min: 0, max: limits.valuesPerEventMax };
const richValue: Shape = {
  key,
  step: integer,
  timeMs: { kind: 'integer', min: -8.64e15, max: 8.64e15 },
  kind: text(40, { required: true, oneOf: richKinds }),
  index: place,
  count: place,
  mime: text(200),
  text: text(limits.richTextCharsMax),
  data: { kind: 'bytes', bytesMax: limits.richBytesMax },
  digest: text(80, { pattern: /^sha256:[0-9a-f]{64}$/ }),
  sizeBytes: count,
  caption: text(limits.tagValueCharsMax),
  facts: { kind: 'texts-by-key', itemsMax: 100, charsMax: limits.tagValueCharsMax },
};

/** Shapes of all payloads but PointsLogged and LinesLogged, whose columns have rules of their own. */
const shapes: Readonly<Record<Exclude<EventName, 'PointsLogged' | 'LinesLogged'>, Shape>> = {
  ProjectCreated: { description: text(limits.textCharsMax), tags, world, title },
  ProjectRenamed: { title: text(limits.projectCharsMax, { required: true, key: true }) },
  ProjectTagsSet: { tags, removed: labels },
  ProjectDeleted: {},
  ProjectRestored: {},
  RegisteredModelCreated: { ...model, description: text(limits.textCharsMax), tags: longTags },
  RegisteredModelRenamed: { ...model, newName: modelName },
  RegisteredModelChanged: { ...model, ...described, ...tagChange, aliases: tags, aliasesRemoved: labels },
  RegisteredModelDeleted: model,
  ModelVersionCreated: {
    ...model,
    source: text(limits.pathCharsMax),
    location: text(limits.pathCharsMax),
    run: text(limits.runIdCharsMax),
    loggedModel: text(limits.runIdCharsMax),
    description: text(limits.textCharsMax),
    tags: longTags,
  },
  ModelVersionChanged: { ...model, version, ...described, ...tagChange, stage: text(20), archiveOthers: flag },
  ModelVersionDeleted: { ...model, version },
  ApiKeyCreated: {
    keyId: text(64, { required: true, key: true }),
    name: text(),
    hash: text(200, { required: true }),
    scopes: { kind: 'texts', itemsMax: 10, charsMax: 50 },
  },
  ApiKeyRevoked: { keyId: text(64, { required: true, key: true }) },
  RunStarted: {
    project: text(limits.projectCharsMax, { required: true }),
    name: text(),
    group: text(),
    jobType: text(),
    user: text(),
    notes: text(limits.textCharsMax),
    tags,
    params,
    environment,
    worldSize,
    launch: text(200),
    fromStep: integer,
    hasFromStep: flag,
    costPerHour: { kind: 'number' },
    labels,
  },
  RunResumed: { attempt, launch: text(200), fromStep: integer, hasFromStep: flag, worldSize, environment },
  RunFinished: {
    state: text(20, { required: true, oneOf: ['finished', 'failed', 'killed'] }),
    reason: text(limits.paramValueCharsMax),
    lastTelemetrySeq: count,
    lastRunsSeq: count,
    exitCode: integer,
    wholeRun: flag,
  },
  ParamsLogged: { params, immutable: flag },
  TagsSet: { tags, removed: labels, labels, labelsRemoved: labels },
  NoteSet: { text: text(limits.textCharsMax) },
  RunRenamed: { name: text(limits.nameCharsMax, { required: true }) },
  RunMoved: { project, group: text() },
  SummarySet: { values: params },
  EnvironmentCaptured: { environment },
  ArtifactLogged: {
    name: text(1_000, { required: true }),
    type: text(),
    digest,
    sizeBytes: count,
    mime: text(),
    metadata: tags,
    step: integer,
    hasStep: flag,
  },
  ArtifactUsed: { digest, name: text(1_000), fromRun: text(limits.runIdCharsMax) },
  RunArchived: {},
  RunRestored: {},
  RunDeleted: {},
  RunForked: {
    fromRun: text(limits.runIdCharsMax, { required: true, ...runId }),
    fromAttempt: attempt,
    fromStep: integer,
    project: text(limits.projectCharsMax),
    name: text(),
  },
  InputsLogged: {
    datasets: { kind: 'objects', itemsMax: limits.paramsPerEventMax, shape: dataset },
    models: { kind: 'texts', itemsMax: limits.paramsPerEventMax, charsMax: limits.runIdCharsMax },
  },
  OutputsLogged: {
    models: {
      kind: 'objects',
      itemsMax: limits.paramsPerEventMax,
      shape: { model: text(limits.runIdCharsMax, { required: true }), step: integer },
    },
  },
  LoggedModelCreated: { project, name: text(), modelType: text(), run: text(limits.runIdCharsMax), params, tags },
  LoggedModelChanged: { status: text(40), tags, removed: labels, params },
  LoggedModelMeasured: { metrics: { kind: 'objects', itemsMax: limits.paramsPerEventMax, shape: modelMetric } },
  LoggedModelDeleted: {},
  FileStored: { world, path, digest, sizeBytes: count, mime: text(), artifact: text(limits.pathCharsMax) },
  FileRemoved: { world, path, artifact: text(limits.pathCharsMax) },
  TraceLogged: {
    project,
    timeMs: integer,
    durationMs: integer,
    hasDuration: flag,
    state: text(40),
    requestPreview: text(limits.paramValueCharsMax),
    responsePreview: text(limits.paramValueCharsMax),
    clientRequestId: text(),
    metadata: tags,
    tags,
    fromSpans: flag,
  },
  TraceAssessed: { assessments: params, removed: labels },
  TraceLinked: { runs: { kind: 'texts', itemsMax: limits.tagsPerEventMax, charsMax: limits.runIdCharsMax } },
  TraceTagsSet: { tags, removed: labels },
  TraceDeleted: {},
  SpansLogged: { spans: { kind: 'texts', itemsMax: limits.paramsPerEventMax, charsMax: limits.textCharsMax } },
  ValuesLogged: {
    values: { kind: 'objects', itemsMax: limits.valuesPerEventMax, shape: richValue },
    attemptStartedAtMs: integer,
    rewindTo: integer,
    hasRewindTo: flag,
  },
  HeartbeatSent: { lastStep: integer, spooledBytes: count },
};

/** Shape of a payload; the two columnar ones have none. */
export function shapeOf(name: EventName): Shape {
  if (name === 'PointsLogged' || name === 'LinesLogged') throw new Error(`${name} has columns, not a shape`);
  return shapes[name];
}

import type { EventData, EventName, PointBlock } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';
import { Unreadable } from '#libs/domain/rejection.js';
import { boundedReader } from './bounded-reader.js';
import { withStorableTexts } from './storable-texts.js';
import { runstream } from './generated/runstream.js';

const wire = runstream.v1;

/** The protobuf message of each event; the compiler asks for a new event's message here. */
const messages = {
  ProjectCreated: wire.ProjectCreated,
  ProjectRenamed: wire.ProjectRenamed,
  ProjectTagsSet: wire.ProjectTagsSet,
  ProjectDeleted: wire.ProjectDeleted,
  ProjectRestored: wire.ProjectRestored,
  RegisteredModelCreated: wire.RegisteredModelCreated,
  RegisteredModelRenamed: wire.RegisteredModelRenamed,
  RegisteredModelChanged: wire.RegisteredModelChanged,
  RegisteredModelDeleted: wire.RegisteredModelDeleted,
  ModelVersionCreated: wire.ModelVersionCreated,
  ModelVersionChanged: wire.ModelVersionChanged,
  ModelVersionDeleted: wire.ModelVersionDeleted,
  ApiKeyCreated: wire.ApiKeyCreated,
  ApiKeyRevoked: wire.ApiKeyRevoked,
  RunStarted: wire.RunStarted,
  RunResumed: wire.RunResumed,
  RunFinished: wire.RunFinished,
  ParamsLogged: wire.ParamsLogged,
  TagsSet: wire.TagsSet,
  NoteSet: wire.NoteSet,
  RunRenamed: wire.RunRenamed,
  RunMoved: wire.RunMoved,
  SummarySet: wire.SummarySet,
  EnvironmentCaptured: wire.EnvironmentCaptured,
  ArtifactLogged: wire.ArtifactLogged,
  ArtifactUsed: wire.ArtifactUsed,
  RunArchived: wire.RunArchived,
  RunRestored: wire.RunRestored,
  RunDeleted: wire.RunDeleted,
  RunForked: wire.RunForked,
  InputsLogged: wire.InputsLogged,
  OutputsLogged: wire.OutputsLogged,
  LoggedModelCreated: wire.LoggedModelCreated,
  LoggedModelChanged: wire.LoggedModelChanged,
  LoggedModelMeasured: wire.LoggedModelMeasured,
  LoggedModelDeleted: wire.LoggedModelDeleted,
  FileStored: wire.FileStored,
  FileRemoved: wire.FileRemoved,
  TraceLogged: wire.TraceLogged,
  TraceTagsSet: wire.TraceTagsSet,
  TraceAssessed: wire.TraceAssessed,
  TraceLinked: wire.TraceLinked,
  TraceDeleted: wire.TraceDeleted,
  SpansLogged: wire.SpansLogged,
  PointsLogged: wire.PointsLogged,
  LinesLogged: wire.LinesLogged,
  ValuesLogged: wire.ValuesLogged,
  HeartbeatSent: wire.HeartbeatSent,
} as const satisfies Record<EventName, unknown>;

export const eventNames = Object.keys(messages) as EventName[];
export const isEventName = (name: string): name is EventName => Object.hasOwn(messages, name);

interface Codec {
  encode(data: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array | ReturnType<typeof boundedReader>): unknown;
}

/** Payload bytes of an event. */
export function encodePayload<Name extends EventName>(name: Name, data: EventData[Name]): Uint8Array {
  const message = name === 'PointsLogged' ? writePoints(data as EventData['PointsLogged']) : data;
  return (messages[name] as unknown as Codec).encode(message).finish();
}

/** The event's data; throws `Unreadable` with the reason when the bytes are not what they claim to be. */
export function decodePayload<Name extends EventName>(
  name: Name,
  bytes: Uint8Array,
  fieldsMax = Infinity,
): EventData[Name] {
  let message: unknown;
  try {
    message = (messages[name] as unknown as Codec).decode(
      fieldsMax === Infinity ? bytes : boundedReader(bytes, fieldsMax),
    );
  } catch (error) {
    throw new Unreadable(`${name}: payload is not valid Protobuf: ${(error as Error).message}`);
  }
  if (name !== 'PointsLogged') return withStorableTexts(message) as EventData[Name];
  const { blocks, attemptStartedAtMs, rewindTo, hasRewindTo } = message as WirePoints;
  return {
    attemptStartedAtMs,
    rewindTo,
    hasRewindTo,
    blocks: blocks.map((block, index) => readBlock(block, `blocks[${index}]`)),
  } as unknown as EventData[Name];
}

interface WirePoints {
  readonly blocks: WireBlock[];
  readonly attemptStartedAtMs: number;
  readonly rewindTo: number;
  readonly hasRewindTo: boolean;
}

// what has its zero value is not written, as the SDKs do it
const writePoints = (data: EventData['PointsLogged']): unknown => ({
  blocks: data.blocks.map(writeBlock),
  attemptStartedAtMs: data.attemptStartedAtMs || undefined,
  ...(data.hasRewindTo ? { rewindTo: data.rewindTo || undefined, hasRewindTo: true } : {}),
});

interface WireBlock {
  keys: string[];
  stepDeltas: number[];
  timeDeltas: number[];
  f64: Uint8Array;
  f32: Uint8Array;
  everyValue: boolean;
  counted: boolean | undefined;
}

function writeBlock(block: PointBlock): WireBlock {
  const { values } = block;
  const single = new Float32Array(values);
  let exact = true;
  for (let i = 0; exact && i < values.length; i++) exact = Object.is(single[i], values[i]);
  const bytes = (array: Float32Array | Float64Array): Uint8Array =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  return {
    keys: block.keys as string[],
    stepDeltas: deltas(block.steps),
    timeDeltas: block.times ? deltas(block.times) : [],
    f64: exact ? new Uint8Array(0) : bytes(values),
    f32: exact ? bytes(single) : new Uint8Array(0),
    everyValue: block.everyValue,
    counted: block.counted || undefined,
  };
}

function deltas(values: Float64Array): number[] {
  const out = new Array<number>(values.length);
  for (let i = 0, last = 0; i < values.length; last = values[i]!, i++) out[i] = values[i]! - last;
  return out;
}

function sums(differences: readonly number[], where: string): Float64Array {
  const out = new Float64Array(differences.length);
  for (let i = 0, last = 0; i < out.length; i++) {
    last += differences[i]!;
    if (!Number.isSafeInteger(last)) throw new Unreadable(`${where}[${i}]: ${last} is beyond 2^53`);
    out[i] = last;
  }
  return out;
}

function readBlock(block: WireBlock, where: string): PointBlock {
  const steps = sums(block.stepDeltas, `${where}.step_deltas`);
  const times = block.timeDeltas.length ? sums(block.timeDeltas, `${where}.time_deltas`) : null;
  if (steps.length > limits.stepsPerBlockMax)
    throw new Unreadable(`${where}: more than ${limits.stepsPerBlockMax} steps`);
  if (block.keys.length > limits.keysPerBlockMax)
    throw new Unreadable(`${where}: more than ${limits.keysPerBlockMax} keys`);
  if (times && times.length !== steps.length)
    throw new Unreadable(`${where}.time_deltas: ${times.length} times for ${steps.length} steps`);
  if (block.f64.length > 0 && block.f32.length > 0) throw new Unreadable(`${where}: both f64 and f32 are given`);
  const expected = block.keys.length * steps.length;
  const width = block.f32.length > 0 ? 4 : 8;
  const bytes = width === 4 ? block.f32 : block.f64;
  if (bytes.length !== expected * width)
    throw new Unreadable(
      `${where}.${width === 4 ? 'f32' : 'f64'}: ${bytes.length} bytes for ${expected} values of ${width} bytes`,
    );
  // aligned, and free of the request body it came in; not bytes.slice(), which on a Buffer is only a view
  const own = new Uint8Array(bytes).buffer;
  const values = width === 4 ? new Float64Array(new Float32Array(own)) : new Float64Array(own);
  return { keys: block.keys, steps, times, values, everyValue: block.everyValue, counted: block.counted ?? false };
}

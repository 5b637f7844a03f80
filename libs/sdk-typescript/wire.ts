/** Protobuf encoding of docs/protocol.md (runstream.proto). Canonical: zero values are left out, fields in order of number. */
type Kind = 's' | 'u' | 'i' | 'z' | 'b' | 'd' | 'S' | 'M' | `m:${string}` | `r:${string}`;
type Fields = readonly (readonly [number, string, Kind])[];

/** s text, u unsigned, i int32, z zigzag, b flag, d double, S texts, M text by text, m:<message>, r:<list of messages>. */
const schema: Readonly<Record<string, Fields>> = {
  Writer: [
    [1, 'id', 's'],
    [2, 'attempt', 'u'],
    [3, 'rank', 'u'],
    [4, 'seq', 'u'],
  ],
  Param: [
    [1, 'key', 's'],
    [2, 'json', 's'],
  ],
  Git: [
    [1, 'commit', 's'],
    [2, 'branch', 's'],
    [3, 'dirty', 'b'],
    [4, 'remote', 's'],
    [5, 'diffDigest', 's'],
  ],
  Hardware: [
    [1, 'cpu', 's'],
    [2, 'cpuCount', 'u'],
    [3, 'memoryBytes', 'u'],
    [4, 'gpus', 'S'],
    [5, 'acceleratorRuntime', 's'],
  ],
  Environment: [
    [1, 'git', 'm:Git'],
    [2, 'command', 's'],
    [3, 'host', 's'],
    [4, 'user', 's'],
    [5, 'os', 's'],
    [6, 'runtime', 's'],
    [7, 'packages', 'M'],
    [8, 'hardware', 'm:Hardware'],
    [9, 'seeds', 'M'],
    [10, 'launcher', 's'],
    [11, 'cwd', 's'],
  ],
  ProjectCreated: [
    [1, 'description', 's'],
    [2, 'tags', 'M'],
  ],
  RunStarted: [
    [1, 'project', 's'],
    [2, 'name', 's'],
    [3, 'group', 's'],
    [4, 'jobType', 's'],
    [5, 'user', 's'],
    [6, 'notes', 's'],
    [7, 'tags', 'M'],
    [8, 'params', 'r:Param'],
    [9, 'environment', 'm:Environment'],
    [10, 'worldSize', 'u'],
    [12, 'launch', 's'],
    [13, 'fromStep', 'z'],
    [14, 'hasFromStep', 'b'],
    [15, 'costPerHour', 'd'],
    [16, 'labels', 'S'],
  ],
  RunResumed: [
    [1, 'attempt', 'u'],
    [2, 'launch', 's'],
    [3, 'fromStep', 'z'],
    [4, 'hasFromStep', 'b'],
    [5, 'worldSize', 'u'],
    [6, 'environment', 'm:Environment'],
  ],
  RunFinished: [
    [1, 'state', 's'],
    [2, 'reason', 's'],
    [3, 'lastTelemetrySeq', 'u'],
    [4, 'lastRunsSeq', 'u'],
    [5, 'exitCode', 'i'],
    [6, 'wholeRun', 'b'],
  ],
  ParamsLogged: [
    [1, 'params', 'r:Param'],
    [2, 'immutable', 'b'],
  ],
  TagsSet: [
    [1, 'tags', 'M'],
    [2, 'removed', 'S'],
    [3, 'labels', 'S'],
    [4, 'labelsRemoved', 'S'],
  ],
  NoteSet: [[1, 'text', 's']],
  RunRenamed: [[1, 'name', 's']],
  SummarySet: [[1, 'values', 'r:Param']],
  EnvironmentCaptured: [[1, 'environment', 'm:Environment']],
  ArtifactLogged: [
    [1, 'name', 's'],
    [2, 'type', 's'],
    [3, 'digest', 's'],
    [4, 'sizeBytes', 'u'],
    [5, 'mime', 's'],
    [6, 'metadata', 'M'],
    [7, 'step', 'z'],
    [8, 'hasStep', 'b'],
  ],
  ArtifactUsed: [
    [1, 'digest', 's'],
    [2, 'name', 's'],
    [3, 'fromRun', 's'],
  ],
  RunArchived: [],
  RunRestored: [],
  RunDeleted: [],
  RunForked: [
    [1, 'fromRun', 's'],
    [2, 'fromAttempt', 'u'],
    [3, 'fromStep', 'z'],
    [4, 'project', 's'],
    [5, 'name', 's'],
  ],
  LinesLogged: [[1, 'lines', 'r:Line']],
  Line: [
    [1, 'number', 'u'],
    [2, 'stream', 's'],
    [3, 'timeMs', 'z'],
    [4, 'text', 's'],
  ],
  HeartbeatSent: [
    [1, 'lastStep', 'z'],
    [2, 'spooledBytes', 'u'],
  ],
};

/** Numbers up to 2^64 for zigzag of 2^53: division, not shifts. */
function pushVarint(out: number[], value: number | bigint): void {
  if (typeof value === 'bigint') {
    for (; value > 127n; value >>= 7n) out.push(Number(value & 127n) | 128);
    out.push(Number(value));
    return;
  }
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128);
  out.push(value);
}
const zigzag = (value: number): number | bigint => {
  if (Math.abs(value) < 2 ** 51) return value >= 0 ? value * 2 : -value * 2 - 1;
  return value >= 0 ? BigInt(value) * 2n : -BigInt(value) * 2n - 1n;
};
const wholeNumber = (value: unknown): number => {
  if (!Number.isSafeInteger(Number(value))) throw new RangeError(`${String(value as number)} is not a whole number`);
  return Number(value);
};
const varint = (value: number | bigint): Buffer => {
  const out: number[] = [];
  pushVarint(out, value);
  return Buffer.from(out);
};

function field(number: number, data: Uint8Array): Buffer {
  const head: number[] = [];
  pushVarint(head, number * 8 + 2);
  pushVarint(head, data.length);
  return Buffer.concat([Buffer.from(head), data]);
}

export type Message = Readonly<Record<string, unknown>>;

/** Payload bytes of any event but PointsLogged. */
export function encodeMessage(name: string, values: Message): Buffer {
  const out: Uint8Array[] = [];
  for (const [number, key, kind] of schema[name]!) out.push(...encodeField(number, kind, values[key]));
  return Buffer.concat(out);
}

function encodeField(number: number, kind: Kind, value: unknown): readonly Uint8Array[] {
  if (value === undefined || value === null) return [];
  if (kind.startsWith('m:')) return [field(number, encodeMessage(kind.slice(2), value as Message))];
  if (kind.startsWith('r:'))
    return (value as Message[]).map((item) => field(number, encodeMessage(kind.slice(2), item)));
  if (kind === 'S') return (value as string[]).map((text) => field(number, Buffer.from(String(text))));
  if (kind === 'M') {
    const entries = Object.entries(value as Record<string, string>);
    return entries.map(([k, v]) =>
      field(number, Buffer.concat([field(1, Buffer.from(k)), field(2, Buffer.from(String(v)))])),
    );
  }
  if (!value) return [];
  // eslint-disable-next-line @typescript-eslint/no-base-to-string
  if (kind === 's') return [field(number, Buffer.from(String(value)))];
  if (kind === 'b') return [varint(number * 8), varint(1)];
  if (kind === 'z') return [varint(number * 8), varint(zigzag(wholeNumber(value)))];
  if (kind === 'd') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value as number);
    return [varint(number * 8 + 1), bytes];
  }
  const whole = wholeNumber(value);
  if (kind === 'u' && whole < 0) throw new RangeError(`${whole} is negative`);
  return [varint(number * 8), varint(whole < 0 ? BigInt.asUintN(64, BigInt(whole)) : whole)];
}

function deltas(values: ArrayLike<number>): Buffer {
  const out: number[] = [];
  for (let i = 0, last = 0; i < values.length; last = values[i]!, i++) pushVarint(out, zigzag(values[i]! - last));
  return Buffer.from(out);
}

export const encodeKeys = (keys: readonly string[]): Buffer =>
  Buffer.concat(keys.map((key) => field(1, Buffer.from(key))));

/** A PointBlock; `keys` from encodeKeys, `values` key-major. */
export function encodeBlock(
  keys: Uint8Array,
  steps: ArrayLike<number>,
  times: ArrayLike<number> | null,
  values: Float64Array,
  everyValue = false,
  counted = false,
): Buffer {
  const single = new Float32Array(values);
  let exact = true;
  for (let i = 0; exact && i < values.length; i++) exact = Object.is(single[i], values[i]);
  const column = exact ? single : values;
  const parts: Uint8Array[] = [keys, field(2, deltas(steps))];
  if (times !== null && times.length > 0) parts.push(field(3, deltas(times)));
  parts.push(field(exact ? 5 : 4, new Uint8Array(column.buffer, column.byteOffset, column.byteLength)));
  if (everyValue) parts.push(Buffer.from([0x30, 1]));
  if (counted) parts.push(Buffer.from([0x38, 1]));
  return field(1, Buffer.concat(parts));
}

/** What follows the blocks of a PointsLogged: which attempt this is in the order of the training, and where it goes back to. */
export function encodePointsTail(attemptStartedAtMs: number, rewindTo: number | null): Buffer {
  const parts: Uint8Array[] = [];
  if (attemptStartedAtMs !== 0) parts.push(varint(0x10), varint(zigzag(attemptStartedAtMs)));
  if (rewindTo !== null && rewindTo !== 0) parts.push(varint(0x18), varint(zigzag(rewindTo)));
  if (rewindTo !== null) parts.push(Buffer.from([0x20, 1]));
  return Buffer.concat(parts);
}

export interface EventEnvelope {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly subject: string;
  readonly timeMs: number;
  readonly writer?: Message | undefined;
  readonly reply?: boolean | undefined;
}

/** One `events` entry of an EventBatch: a body is entries one after the other. */
export function encodeEvent(event: EventEnvelope, data: Uint8Array): Buffer {
  const parts: Uint8Array[] = [field(1, Buffer.from(event.id)), field(2, Buffer.from(`runstream.${event.name}.v1`))];
  if (event.source !== '') parts.push(field(3, Buffer.from(event.source)));
  if (event.subject !== '') parts.push(field(4, Buffer.from(event.subject)));
  if (event.timeMs !== 0) parts.push(varint(40), varint(zigzag(event.timeMs)));
  if (event.writer) parts.push(field(6, encodeMessage('Writer', event.writer)));
  if (data.length > 0) parts.push(field(7, data));
  if (event.reply) parts.push(Buffer.from([0x40, 1]));
  return field(1, Buffer.concat(parts));
}

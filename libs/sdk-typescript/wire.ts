/** Protobuf encoding of docs/protocol.md (runstream.proto). Canonical: zero values are left out, fields in order of number. */
import { schema, type Kind } from './schema.js';

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
  if (kind === 'B') return [field(number, Buffer.from(value as string, 'base64'))];
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

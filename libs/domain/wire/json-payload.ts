import { isObject, type JsonObject as Json } from '#libs/domain/plain-json.js';
import type { EventData, EventName, Line, Param, PointBlock } from '#libs/domain/event.js';
import { shapeOf, type Field, type Shape } from '#libs/domain/event-shape.js';
import { isDeeper } from '#libs/domain/json-depth.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';

const refuse = (field: string, message: string): never => {
  throw new Rejection('INVALID_ARGUMENT', `${field}: ${message}`, field);
};

/** Payload of an event written as JSON by a person with curl: camelCase names, everything optional, unknown names refused. */
export function readJsonPayload<Name extends EventName>(name: Name, json: unknown): EventData[Name] {
  const data = json ?? {};
  if (!isObject(data)) return refuse('data', 'must be an object');
  if (name === 'PointsLogged') return readPoints(data) as EventData[Name];
  if (name === 'LinesLogged') {
    known('data', data, ['lines']);
    return { lines: list('data.lines', data['lines'] ?? []).map(readLine) } as unknown as EventData[Name];
  }
  return readShape('data', shapeOf(name), data) as EventData[Name];
}

function known(at: string, json: Json, names: readonly string[]): void {
  for (const key of Object.keys(json))
    if (!names.includes(key))
      refuse(`${at}.${key.slice(0, 60)}`, `unknown field; known are ${names.join(', ') || 'none'}`);
}

function readShape(at: string, shape: Shape, json: Json): Json {
  known(at, json, Object.keys(shape));
  return Object.fromEntries(
    Object.entries(shape).map(([key, field]) => [key, readField(`${at}.${key}`, field, json[key])]),
  );
}

function readField(at: string, field: Field, value: unknown): unknown {
  const absent = value === undefined || value === null;
  switch (field.kind) {
    case 'text':
      return absent ? '' : typeof value === 'string' ? value : refuse(at, 'must be a string');
    case 'integer':
      return absent ? 0 : Number.isSafeInteger(value) ? value : refuse(at, 'must be a whole number');
    case 'number':
      if (field.odd && !absent) return readValue(at, value);
      return absent ? 0 : typeof value === 'number' ? value : refuse(at, 'must be a number');
    case 'boolean':
      return absent ? false : typeof value === 'boolean' ? value : refuse(at, 'must be true or false');
    case 'bytes':
      return absent ? new Uint8Array(0) : readBytes(at, value);
    case 'texts':
      return absent
        ? []
        : list(at, value).map((item, i) =>
            typeof item === 'string' ? item : refuse(`${at}[${i}]`, 'must be a string'),
          );
    case 'texts-by-key':
      if (absent) return {};
      if (!isObject(value)) return refuse(at, 'must be an object of strings');
      for (const [key, text] of Object.entries(value))
        if (typeof text !== 'string') refuse(`${at}.${key}`, 'must be a string');
      return value;
    case 'params':
      return absent ? [] : readParams(at, value);
    case 'object':
      return absent ? null : isObject(value) ? readShape(at, field.shape, value) : refuse(at, 'must be an object');
    case 'objects':
      return absent
        ? []
        : list(at, value).map((item, index) =>
            isObject(item)
              ? readShape(`${at}[${index}]`, field.shape, item)
              : refuse(`${at}[${index}]`, 'must be an object'),
          );
  }
}

/** {"lr": 0.1} or [{"key": "lr", "json": "0.1"}] */
function readParams(at: string, value: unknown): Param[] {
  if (isObject(value))
    return Object.entries(value).map(([key, item]) => {
      if (isDeeper(item, limits.jsonDepthMax))
        refuse(`${at}.${key.slice(0, 60)}`, `nested more than ${limits.jsonDepthMax} levels deep`);
      return { key, json: JSON.stringify(item) };
    });
  return list(at, value).map((item, index) => {
    if (!isObject(item) || typeof item['key'] !== 'string' || typeof item['json'] !== 'string') {
      return refuse(`${at}[${index}]`, 'must be {"key": string, "json": string}');
    }
    return { key: item['key'], json: item['json'] };
  });
}

function readBytes(at: string, value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null;
  // what Buffer does not understand it leaves out
  if (!bytes || bytes.toString('base64').replaceAll('=', '') !== (value as string).replaceAll('=', ''))
    return refuse(at, 'must be bytes in base64');
  return bytes;
}

function readFlag(at: string, value: unknown): boolean {
  return value === undefined ? false : typeof value === 'boolean' ? value : refuse(at, 'must be true or false');
}

function list(at: string, value: unknown): unknown[] {
  return Array.isArray(value) ? value : refuse(at, 'must be a list');
}

/** A value as JSON can say it: a number, or "NaN", "Infinity", "-Infinity". */
function readValue(at: string, value: unknown): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN') return NaN;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  return refuse(at, 'must be a number, "NaN", "Infinity" or "-Infinity"');
}

function readIntegers(at: string, value: unknown): Float64Array {
  return Float64Array.from(list(at, value), (item, index) =>
    Number.isSafeInteger(item) ? (item as number) : refuse(`${at}[${index}]`, 'must be a whole number within 2^53'),
  );
}

function readPoints(data: Json): EventData['PointsLogged'] {
  if (data['metrics'] !== undefined)
    return { attemptStartedAtMs: 0, rewindTo: 0, hasRewindTo: false, blocks: [readShorthand(data)] };
  known('data', data, ['blocks', 'attemptStartedAtMs', 'rewindTo', 'hasRewindTo']);
  const integer = (name: string): number => readIntegers(`data.${name}`, [data[name] ?? 0])[0]!;
  return {
    attemptStartedAtMs: integer('attemptStartedAtMs'),
    rewindTo: integer('rewindTo'),
    hasRewindTo: readFlag('data.hasRewindTo', data['hasRewindTo']),
    blocks: list(
      'data.blocks',
      data['blocks'] ?? refuse('data.blocks', 'is missing; give blocks, or step and metrics'),
    ).map((block, index) => readBlock(`data.blocks[${index}]`, block)),
  };
}

/** {"step": 1, "metrics": {"loss": 0.3}} */
function readShorthand(data: Json): PointBlock {
  known('data', data, ['step', 'time', 'metrics', 'everyValue']);
  const metrics = data['metrics'];
  if (!isObject(metrics)) return refuse('data.metrics', 'must be an object of numbers');
  const keys = Object.keys(metrics);
  return {
    keys,
    steps: readIntegers('data.step', [data['step'] ?? refuse('data.step', 'is missing')]),
    times: data['time'] === undefined ? null : readIntegers('data.time', [data['time']]),
    values: Float64Array.from(keys, (key) => readValue(`data.metrics.${key}`, metrics[key])),
    everyValue: readFlag('data.everyValue', data['everyValue']),
    counted: false,
  };
}

function readBlock(at: string, block: unknown): PointBlock {
  if (!isObject(block)) return refuse(at, 'must be an object');
  known(at, block, ['keys', 'steps', 'times', 'values', 'everyValue', 'counted']);
  const keys = list(`${at}.keys`, block['keys']).map((key, i) =>
    typeof key === 'string' ? key : refuse(`${at}.keys[${i}]`, 'must be a string'),
  );
  const steps = readIntegers(`${at}.steps`, block['steps']);
  const times = block['times'] === undefined ? null : readIntegers(`${at}.times`, block['times']);
  const columns = list(`${at}.values`, block['values']);
  if (keys.length > limits.keysPerBlockMax) refuse(`${at}.keys`, `at most ${limits.keysPerBlockMax} keys are allowed`);
  if (steps.length > limits.stepsPerBlockMax)
    refuse(`${at}.steps`, `at most ${limits.stepsPerBlockMax} steps are allowed`);
  if (times && times.length !== steps.length) refuse(`${at}.times`, `${times.length} times for ${steps.length} steps`);
  if (columns.length !== keys.length) refuse(`${at}.values`, `${columns.length} columns for ${keys.length} keys`);
  const values = new Float64Array(keys.length * steps.length);
  columns.forEach((column, k) => {
    const items = list(`${at}.values[${k}]`, column);
    if (items.length !== steps.length) refuse(`${at}.values[${k}]`, `${items.length} values for ${steps.length} steps`);
    items.forEach((item, i) => (values[k * steps.length + i] = readValue(`${at}.values[${k}][${i}]`, item)));
  });
  const everyValue = readFlag(`${at}.everyValue`, block['everyValue']);
  return { keys, steps, times, values, everyValue, counted: readFlag(`${at}.counted`, block['counted']) };
}

function readLine(line: unknown, index: number): Line {
  const at = `data.lines[${index}]`;
  if (!isObject(line) || typeof line['text'] !== 'string') return refuse(at, 'must be {"text": string, …}');
  known(at, line, ['number', 'stream', 'timeMs', 'text']);
  return {
    number: (line['number'] as number | undefined) ?? index + 1,
    stream: (line['stream'] as Line['stream'] | undefined) ?? 'stdout',
    timeMs: (line['timeMs'] as number | undefined) ?? 0,
    text: line['text'],
  };
}

import { isObject, type JsonObject as Json } from '#libs/domain/plain-json.js';
import { Unreadable } from '#libs/domain/rejection.js';
import { limits } from '#libs/domain/limits.js';
import { decodeOtlp } from '#libs/domain/wire/otlp-codec.js';
import { breather } from '../../http/breathe.js';
import { invalid, unprocessable } from './mlflow-error.js';

/** One span as OTLP JSON: ids in hex, numbers of 64 bits as texts. What a browser or any exporter could have sent. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpPair[];
  readonly status: { readonly code: number; readonly message?: string };
  readonly [more: string]: unknown;
}
export interface OtlpPair {
  readonly key: string;
  readonly value: OtlpValue;
}
export type OtlpValue = Readonly<Record<string, unknown>>;

const wrong = (at: string, what: string): Error => invalid(`Invalid OpenTelemetry format: ${at}: ${what}`);

/** All spans of an export, in Protobuf or in JSON, with every field checked: what is kept can be read by every client. */
export async function readSpans(body: Uint8Array, json: unknown): Promise<readonly OtlpSpan[]> {
  const sent = json === null ? decode(body) : object('body', json);
  const pause = breather();
  const spans: OtlpSpan[] = [];
  const resources = objects('resourceSpans', sent['resourceSpans']);
  for (const [r, resource] of resources.entries()) {
    const resourceAt = `resourceSpans[${r}]`;
    const of = attributes(`${resourceAt}.resource`, object(`${resourceAt}.resource`, resource['resource']));
    for (const [s, scope] of objects(`${resourceAt}.scopeSpans`, resource['scopeSpans']).entries()) {
      const at = `${resourceAt}.scopeSpans[${s}]`;
      const { name, version } = object(`${at}.scope`, scope['scope']);
      const more = {
        ...(of.length > 0 ? { resource: { attributes: of } } : {}),
        ...(text(`${at}.scope.name`, name) === ''
          ? {}
          : { scope: { name: text('', name), version: text(at, version) } }),
      };
      for (const [i, span] of objects(`${at}.spans`, scope['spans']).entries()) {
        if (spans.length === limits.spansPerRequestMax)
          throw invalid(`At most ${limits.spansPerRequestMax} spans are taken in one request`);
        spans.push({ ...readSpan(`${at}.spans[${i}]`, span), ...more });
        await pause();
      }
    }
  }
  if (resources.length === 0) throw invalid('Invalid OpenTelemetry format - no spans found');
  return spans;
}

function decode(body: Uint8Array): Json {
  try {
    return decodeOtlp(body) as unknown as Json;
  } catch (error) {
    if (error instanceof Unreadable) throw invalid(`Invalid OpenTelemetry format: ${error.message}`);
    throw error;
  }
}
function readSpan(at: string, span: Json): OtlpSpan {
  const status = object(`${at}.status`, span['status']);
  const parentSpanId = id(`${at}.parentSpanId`, span['parentSpanId'], 8, true);
  const traceState = text(`${at}.traceState`, span['traceState']);
  const message = text(`${at}.status.message`, status['message']);
  const events = objects(`${at}.events`, span['events']).map((event, index) => ({
    timeUnixNano: wide(`${at}.events[${index}].timeUnixNano`, event['timeUnixNano'], 'unsigned'),
    name: text(`${at}.events[${index}].name`, event['name']),
    attributes: attributes(`${at}.events[${index}]`, event),
  }));
  const links = objects(`${at}.links`, span['links']).map((link, index) => ({
    traceId: id(`${at}.links[${index}].traceId`, link['traceId'], 16),
    spanId: id(`${at}.links[${index}].spanId`, link['spanId'], 8),
    traceState: text(`${at}.links[${index}].traceState`, link['traceState']),
    attributes: attributes(`${at}.links[${index}]`, link),
  }));
  return {
    traceId: id(`${at}.traceId`, span['traceId'], 16),
    spanId: id(`${at}.spanId`, span['spanId'], 8),
    ...(parentSpanId === '' ? {} : { parentSpanId }),
    ...(traceState === '' ? {} : { traceState }),
    name: text(`${at}.name`, span['name']),
    kind: small(`${at}.kind`, span['kind'], kinds),
    startTimeUnixNano: wide(`${at}.startTimeUnixNano`, span['startTimeUnixNano'], 'unsigned'),
    endTimeUnixNano: wide(`${at}.endTimeUnixNano`, span['endTimeUnixNano'], 'unsigned'),
    attributes: attributes(at, span),
    ...(events.length > 0 ? { events } : {}),
    ...(links.length > 0 ? { links } : {}),
    status: {
      code: small(`${at}.status.code`, status['code'], statusCodes),
      ...(message === '' ? {} : { message }),
    },
  };
}

const kinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (name) => `SPAN_KIND_${name}`,
);
const statusCodes = ['UNSET', 'OK', 'ERROR'].map((name) => `STATUS_CODE_${name}`);

function object(at: string, value: unknown): Json {
  if (value === undefined || value === null) return {};
  return isObject(value) ? value : fail(at, 'must be an object');
}
function objects(at: string, value: unknown): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return fail(at, 'must be a list');
  return value.map((item: unknown, index) => (isObject(item) ? item : fail(`${at}[${index}]`, 'must be an object')));
}
function fail(at: string, what: string): never {
  throw wrong(at, what);
}
/** Half of a character can't be said in Protobuf: no client could read it back. */
function text(at: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value.replace(/\p{Surrogate}/gu, '\ufffd') : fail(at, 'must be a string');
}

/** An id as lower-case hex: bytes in Protobuf, hex already in JSON. */
function id(at: string, value: unknown, bytes: number, optional = false): string {
  const hex = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : text(at, value).toLowerCase();
  if (hex === '' && optional) return '';
  if (hex === '') throw unprocessable(`Cannot convert OpenTelemetry span to MLflow span: ${at} is missing`);
  if (hex.length !== 2 * bytes || !/^[0-9a-f]+$/.test(hex))
    fail(at, `must be ${bytes} bytes, in JSON ${2 * bytes} hex digits`);
  if (optional && /^0+$/.test(hex)) return '';
  return hex;
}

function small(at: string, value: unknown, names: readonly string[]): number {
  if (value === undefined || value === null) return 0;
  const number = typeof value === 'string' ? names.indexOf(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < names.length) return number;
  return fail(at, `must be a number from 0 to ${names.length - 1}`);
}

/** A whole number of 64 bits as decimal text. */
function wide(at: string, value: unknown, range: 'signed' | 'unsigned'): string {
  if (value === undefined || value === null) return '0';
  const given = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  const written = typeof value === 'string' && /^-?\d{1,20}$/.test(value);
  if (!given && !written) return fail(at, 'must be a whole number');
  const number = BigInt(value);
  const fits = range === 'signed' ? BigInt.asIntN(64, number) : BigInt.asUintN(64, number);
  return fits === number ? String(number) : fail(at, 'must fit into 64 bits');
}

function attributes(at: string, holder: Json): readonly OtlpPair[] {
  return pairs(`${at}.attributes`, holder['attributes'], 0);
}
function pairs(at: string, list: unknown, depth: number): readonly OtlpPair[] {
  return objects(at, list).map((item, index) => ({
    key: text(`${at}[${index}].key`, item['key']),
    value: anyValue(`${at}[${index}].value`, item['value'], depth),
  }));
}

/** One member of the union, or none: null. */
function anyValue(at: string, value: unknown, depth: number): OtlpValue {
  if (depth > limits.jsonDepthMax) fail(at, `nested more than ${limits.jsonDepthMax} levels deep`);
  const given = object(at, value);
  const has = (name: string): boolean => given[name] !== undefined && given[name] !== null;
  if (has('stringValue')) return { stringValue: text(`${at}.stringValue`, given['stringValue']) };
  if (has('boolValue'))
    return {
      boolValue: typeof given['boolValue'] === 'boolean' ? given['boolValue'] : fail(at, 'must be true or false'),
    };
  if (has('intValue')) return { intValue: wide(`${at}.intValue`, given['intValue'], 'signed') };
  if (has('doubleValue')) return { doubleValue: double(`${at}.doubleValue`, given['doubleValue']) };
  if (has('bytesValue')) return { bytesValue: base64(`${at}.bytesValue`, given['bytesValue']) };
  if (has('arrayValue')) {
    const items = objects(`${at}.arrayValue.values`, object(at, given['arrayValue'])['values']);
    return {
      arrayValue: { values: items.map((item, i) => anyValue(`${at}.arrayValue.values[${i}]`, item, depth + 1)) },
    };
  }
  if (has('kvlistValue')) {
    const list = object(at, given['kvlistValue'])['values'];
    return { kvlistValue: { values: pairs(`${at}.kvlistValue.values`, list, depth + 1) } };
  }
  return {};
}

function double(at: string, value: unknown): number | string {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || (Number.isNaN(number) && typeof value === 'string'))
    return fail(at, 'must be a number');
  return Number.isFinite(number) ? number : String(number);
}
function base64(at: string, value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return Buffer.from(text(at, value), 'base64').toString('base64');
}

import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { given } from '#libs/domain/run-fold-facts.js';
import { requestIdKey } from '#libs/domain/trace-id.js';
import { objectsIn, textOf, type SpanJson } from '#libs/runs/span-text.js';
import type { Answer } from './call.js';

const statuses: Readonly<Record<string, string>> = {
  '0': 'STATUS_CODE_UNSET',
  '1': 'STATUS_CODE_OK',
  '2': 'STATUS_CODE_ERROR',
};

/**
 * A span in Protobuf's JSON as MLflow writes it: ids are bytes, and bytes are base64; texts that are JSON are what they say. Null for
 * a text that is no span: other doors take any text.
 */
export function writeSpan(span: SpanJson, trace: string): Answer | null {
  const [traceId, spanId, parent] = [span['traceId'], span['spanId'], span['parentSpanId']].map(base64);
  if (traceId === '' || spanId === '') return null;
  const status = isObject(span['status']) ? span['status'] : {};
  const attributes = objectsIn(span['attributes']);
  const named = attributes.some(({ key }) => key === requestIdKey)
    ? attributes
    : [...attributes, { key: requestIdKey, value: { stringValue: trace } }];
  const events = objectsIn(span['events']);
  const links = objectsIn(span['links']);
  return {
    trace_id: traceId,
    span_id: spanId,
    ...(parent === '' ? {} : { parent_span_id: parent }),
    ...some('trace_state', textOf(span['traceState'])),
    name: textOf(span['name']),
    ...(typeof span['kind'] === 'number' && span['kind'] !== 0 ? { kind: span['kind'] } : {}),
    start_time_unix_nano: textOf(span['startTimeUnixNano']) || '0',
    end_time_unix_nano: textOf(span['endTimeUnixNano']) || '0',
    attributes: pairs(named, true),
    ...(events.length === 0 ? {} : { events: events.map(writeEvent) }),
    ...(links.length === 0 ? {} : { links: links.map(writeLink) }),
    status: {
      code: given(statuses, textOf(status['code'])) ?? statuses['0'],
      ...some('message', textOf(status['message'])),
    },
  };
}

const some = (name: string, text: string): Answer => (text === '' ? {} : { [name]: text });

const writeEvent = (event: SpanJson): Answer => ({
  time_unix_nano: textOf(event['timeUnixNano']) || '0',
  name: textOf(event['name']),
  attributes: pairs(objectsIn(event['attributes']), false),
});
const writeLink = (link: SpanJson): Answer => ({
  trace_id: base64(link['traceId']),
  span_id: base64(link['spanId']),
  ...some('trace_state', textOf(link['traceState'])),
  attributes: pairs(objectsIn(link['attributes']), false),
});

const pairs = (attributes: readonly SpanJson[], decoded: boolean): readonly Answer[] =>
  attributes.map(({ key, value }) => {
    const held = isObject(value) ? value : {};
    const said = decoded && typeof held['stringValue'] === 'string' ? decode(held['stringValue']) : undefined;
    return { key: textOf(key), value: said ?? anyValue(held) };
  });

/** Of a text that is JSON of a text, list or object; numbers in a text stay a text, as in MLflow. */
function decode(text: string): Answer | undefined {
  if (!/^\s*["[{]/.test(text)) return undefined;
  const value = jsonOf(text);
  return value === undefined ? undefined : fromJson(value);
}

function fromJson(value: unknown): Answer {
  if (typeof value === 'string') return { string_value: value };
  if (typeof value === 'boolean') return { bool_value: value };
  if (typeof value === 'number') return Number.isSafeInteger(value) ? { int_value: value } : { double_value: value };
  if (Array.isArray(value)) return { array_value: { values: value.map(fromJson) } };
  if (!isObject(value)) return {};
  return {
    kvlist_value: { values: Object.entries(value).map(([key, held]) => ({ key, value: fromJson(held) })) },
  };
}

function anyValue(value: SpanJson): Answer {
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue } = value;
  if (stringValue !== undefined) return { string_value: stringValue };
  if (boolValue !== undefined) return { bool_value: boolValue };
  if (intValue !== undefined) {
    const whole = Number(intValue);
    // beyond 2^53 only a text is exact
    return { int_value: Number.isSafeInteger(whole) ? whole : intValue };
  }
  if (doubleValue !== undefined) return { double_value: doubleValue };
  if (bytesValue !== undefined) return { bytes_value: bytesValue };
  if (isObject(arrayValue)) return { array_value: { values: objectsIn(arrayValue['values']).map(anyValue) } };
  if (isObject(kvlistValue)) return { kvlist_value: { values: pairs(objectsIn(kvlistValue['values']), false) } };
  return {};
}

const base64 = (hex: unknown): string =>
  typeof hex === 'string' && /^([0-9a-f]{2})+$/i.test(hex) ? Buffer.from(hex, 'hex').toString('base64') : '';

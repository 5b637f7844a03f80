import { isObject, jsonOf } from '#libs/domain/plain-json.js';
import { given } from '#libs/domain/run-fold-facts.js';
import { requestIdKey } from '#libs/domain/trace-id.js';
import { objectsIn, plainValue, textOf, type SpanJson } from '#libs/runs/span-text.js';
import type { Span, TraceStatus } from './generated/resolver-types.js';
import { orNull } from './pages.js';

const statuses: Readonly<Record<string, TraceStatus>> = { '1': 'OK', '2': 'ERROR' };

/** A span as people read it, from OTLP JSON; `first` is the one that began first. */
export function spanOf(span: SpanJson, first: SpanJson): Span {
  const attributes = pairs(span['attributes']);
  // MLflow's client marks its spans with it: their texts are JSON, those of other exporters are texts
  const encoded = attributes.some(([key]) => key === requestIdKey);
  const values = new Map(
    attributes.map(([key, value]) => [key, encoded || key.startsWith('mlflow.') ? decoded(value) : value] as const),
  );
  const status = isObject(span['status']) ? span['status'] : {};
  const [start, end] = [toMs(span['startTimeUnixNano']), toMs(span['endTimeUnixNano'])];
  const type = values.get('mlflow.spanType');
  return {
    id: textOf(span['spanId']),
    parentId: orNull(textOf(span['parentSpanId'])),
    name: textOf(span['name']),
    type: typeof type === 'string' ? orNull(type) : null,
    status: given(statuses, textOf(status['code'])) ?? 'UNSET',
    statusMessage: orNull(textOf(status['message'])),
    startedAt: start,
    offsetMs: milliseconds(span['startTimeUnixNano'], first['startTimeUnixNano']),
    durationMs: end > 0 ? Math.max(0, milliseconds(span['endTimeUnixNano'], span['startTimeUnixNano'])) : null,
    inputs: values.get('mlflow.spanInputs') ?? null,
    outputs: values.get('mlflow.spanOutputs') ?? null,
    attributes: [...values].map(([key, value]) => ({ key, value })),
    events: objectsIn(span['events']).map((event) => ({
      name: textOf(event['name']),
      time: toMs(event['timeUnixNano']),
      attributes: pairs(event['attributes']).map(([key, value]) => ({ key, value })),
    })),
  };
}

const pairs = (value: unknown): readonly (readonly [string, unknown])[] =>
  objectsIn(value).map(({ key, value: held }) => [textOf(key), isObject(held) ? plainValue(held) : null] as const);

function decoded(value: unknown): unknown {
  const held = typeof value === 'string' ? jsonOf(value) : undefined;
  return held === undefined ? value : held;
}

const whole = (value: unknown): bigint => (/^\d{1,20}$/.test(textOf(value)) ? BigInt(textOf(value)) : 0n);
const toMs = (value: unknown): number => Number(whole(value) / 1_000_000n);
/** The difference first: as a number no single time is exact. */
const milliseconds = (end: unknown, start: unknown): number => Number(whole(end) - whole(start)) / 1_000_000;

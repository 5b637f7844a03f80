import { Readable } from 'node:stream';
import { limits } from '#libs/domain/limits.js';
import { usageKey } from '#libs/domain/trace-fold.js';
import { requestIdKey } from '#libs/domain/trace-id.js';
import { isObject } from '#libs/domain/plain-json.js';
import { objectsIn, plainValue, spanInRow } from '#libs/runs/span-text.js';
import { mlflowId, type World } from './world.js';
import type { Said } from '../shared/command-log.js';
import { readSpans, type OtlpSpan } from './otlp-spans.js';
import { unprocessable } from './mlflow-error.js';
import { cut, isName, mlflowLimits } from './names.js';
import { previewOf } from './preview.js';
import { checkRunId } from './runs.js';
import { resourceOf, translated, usedBy, usedTogether } from './span-conventions.js';
import { isTraceId, traceSubjects } from './traces.js';

/** What an exporter of OpenTelemetry sent, MLflow's client among them. */
export interface SpanExport {
  readonly experiment: string;
  /** "" or the run that the traces belong to. */
  readonly run: string;
  /** What it was as JSON; null for Protobuf, which is in `body`. */
  readonly json: unknown;
  readonly body: Uint8Array;
}

/** By this tag clients know that spans are to be asked of the server, not of a file. */
const locationTag = { 'mlflow.trace.spansLocation': 'TRACKING_STORE' };
const nameTag = 'mlflow.traceName';
/** Texts of one record, well below the bytes that a record may have. */
const charsPerRecordMax = 250_000;

/** Durable when it resolves: the spans, and what they tell of traces that nobody else told of. */
export async function logSpans(world: World, sent: SpanExport): Promise<void> {
  if (sent.experiment === '') throw unprocessable("Missing value for required header 'x-mlflow-experiment-id'.");
  const experiment = await world.active(sent.experiment);
  const traces = new Map<string, OtlpSpan[]>();
  for (const span of (await readSpans(sent.body, sent.json)).map(translated)) {
    const id = traceIdFor(span);
    const spans = traces.get(id);
    if (spans) spans.push(span);
    else traces.set(id, [span]);
  }
  if (sent.run !== '') await world.run(checkRunId(sent.run));
  await world.born(experiment);
  const events: Said[] = [];
  const subjects = await traceSubjects(world, [...traces.keys()]);
  // another tenant may send the same bytes
  const content = Buffer.concat([Buffer.from(world.name), sent.body]);
  for (const [id, spans] of traces) {
    const trace = subjects.get(id)!;
    const metadata = await tokenUsage(world, trace, spans);
    events.push({ name: 'TraceLogged', subject: trace, data: { project: experiment.name, ...told(spans, metadata) } });
    const texts: string[] = [];
    for (const span of spans) texts.push(await keep(world, experiment.number, { id, subject: trace }, span, events));
    for (const [index, chunk] of chunks(texts).entries()) {
      const event = mlflowId(`${id}:${index}`, content);
      events.push({ name: 'SpansLogged', subject: trace, id: event, data: { spans: chunk } });
    }
    if (sent.run !== '') events.push({ name: 'TraceLinked', subject: trace, data: { runs: [sent.run] } });
  }
  await world.log.tell(...events);
  for (const [id, spans] of traces) await correctUsage(world, experiment.name, subjects.get(id)!, spans);
}

const correctionsMax = 20;

/**
 * Another request with spans of the same trace may have been summed up at the same time, each without the other's: whoever told last
 * sees both, and tells the sum of both.
 */
async function correctUsage(world: World, project: string, subject: string, spans: readonly OtlpSpan[]): Promise<void> {
  for (let round = 0; round < correctionsMax; round += 1) {
    const metadata = await tokenUsage(world, subject, spans);
    if (metadata[usageKey] === undefined) return;
    const [trace] = await world.backend.tracking.traces.byId([subject]);
    // its client's own word stands
    if (!trace || trace.told || trace.metadata[usageKey] === metadata[usageKey]) return;
    await world.log.tell({ name: 'TraceLogged', subject, data: { project, ...told(spans, metadata) } });
  }
}

/** Its client may have named the trace; OpenTelemetry's own id is the usual name. */
function traceIdFor(span: OtlpSpan): string {
  const said = attributeText(span, requestIdKey).replace(/^"(.*)"$/s, '$1');
  return isTraceId(said) ? said : `tr-${span.traceId}`;
}

/** Of all spans that have come so far: parents may come before or after their children. */
async function tokenUsage(
  world: World,
  subject: string,
  spans: readonly OtlpSpan[],
): Promise<Readonly<Record<string, string>>> {
  if (!spans.some(({ attributes }) => usedBy(attributes))) return {};
  await world.log.subjectsSettled([subject]);
  const known = new Map<string, Pick<OtlpSpan, 'spanId' | 'parentSpanId' | 'attributes'>>();
  const stored = await world.backend.tracking.traces.spans([subject]);
  for (const text of stored.get(subject) ?? []) {
    const { spanId, parentSpanId, attributes } = spanInRow(text) ?? {};
    const pairs = objectsIn(attributes).filter(({ value }) => isObject(value)) as unknown as OtlpSpan['attributes'];
    if (typeof spanId !== 'string') continue;
    known.set(spanId, { spanId, ...(typeof parentSpanId === 'string' && { parentSpanId }), attributes: pairs });
  }
  for (const span of spans) known.set(span.spanId, span);
  return { [usageKey]: JSON.stringify(usedTogether([...known.values()])) };
}

/** A span's text; a file's address instead when it is too long for the log. */
async function keep(
  world: World,
  project: number,
  trace: { readonly id: string; readonly subject: string },
  span: OtlpSpan,
  events: Said[],
): Promise<string> {
  const text = JSON.stringify(span);
  if (text.length <= limits.spanCharsInRecordMax) return text;
  const { spanId } = span;
  const stat = await world.backend.artifactStore.put(Readable.from([Buffer.from(text)]));
  const path = `${project}/traces/${trace.id}/spans/${spanId}.json`;
  const data = { world: world.name, path, ...stat, mime: 'application/json', artifact: '' };
  events.push({ name: 'FileStored', subject: trace.subject, data });
  return JSON.stringify({ ...shortened(span), storedAs: stat.digest });
}

const shortAttributeCharsMax = 1_000;
const shortAttributesMax = 100;

/** What is said of a span beside its file, so that it can be found: all but what is long. */
function shortened({ attributes, name, ...head }: OtlpSpan): OtlpSpan {
  const short = attributes.filter((pair) => JSON.stringify(pair).length <= shortAttributeCharsMax);
  const message = cut(head.status.message ?? '', shortAttributeCharsMax);
  return {
    traceId: head.traceId,
    spanId: head.spanId,
    ...(head.parentSpanId === undefined ? {} : { parentSpanId: head.parentSpanId }),
    name: cut(name, shortAttributeCharsMax),
    kind: head.kind,
    startTimeUnixNano: head.startTimeUnixNano,
    endTimeUnixNano: head.endTimeUnixNano,
    attributes: short.slice(0, shortAttributesMax),
    status: { code: head.status.code, ...(message === '' ? {} : { message }) },
  };
}

function chunks(texts: readonly string[]): readonly string[][] {
  const all: string[][] = [];
  let chars = Infinity;
  for (const text of texts) {
    if (chars + text.length > charsPerRecordMax || all.at(-1)!.length === limits.paramsPerEventMax) {
      all.push([]);
      chars = 0;
    }
    all.at(-1)!.push(text);
    chars += text.length;
  }
  return all;
}

const toMs = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1_000_000n);

/** What the spans of one request tell of their trace. */
function told(spans: readonly OtlpSpan[], usage: Readonly<Record<string, string>>) {
  const starts = spans.map(({ startTimeUnixNano }) => toMs(startTimeUnixNano));
  const timeMs = starts.reduce((a, b) => Math.min(a, b));
  const end = spans.reduce((latest, { endTimeUnixNano }) => Math.max(latest, toMs(endTimeUnixNano)), 0);
  const root = spans.find(({ parentSpanId }) => parentSpanId === undefined);
  const text = (key: string): string => (root ? attributeText(root, key) : '');
  const metadata = {
    ...usage,
    ...named('mlflow.trace.session', cut(text('session.id'), mlflowLimits.tagValueCharsMax)),
    ...named('mlflow.trace.user', cut(text('user.id'), mlflowLimits.tagValueCharsMax)),
  };
  return {
    timeMs,
    durationMs: Math.max(0, end - timeMs),
    hasDuration: end > 0,
    state: root ? (root.status.code === 2 ? 'ERROR' : 'OK') : '',
    requestPreview: previewOf(text('mlflow.spanInputs'), 'user'),
    responsePreview: previewOf(text('mlflow.spanOutputs'), 'assistant'),
    clientRequestId: '',
    metadata,
    tags: {
      ...resourceTags(spans[0]!),
      ...named(nameTag, cut(root?.name ?? '', mlflowLimits.tagValueCharsMax)),
      ...locationTag,
    },
    fromSpans: true,
  };
}
const named = (key: string, value: string): Record<string, string> => (value === '' ? {} : { [key]: value });

function attributeText(span: OtlpSpan, key: string): string {
  const found = span.attributes.find((pair) => pair.key === key);
  if (!found) return '';
  const value = plainValue(found.value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What the program says of itself; not what OpenTelemetry says of itself, and nothing in MLflow's own words. */
function resourceTags(span: OtlpSpan): Record<string, string> {
  return Object.fromEntries(
    [...resourceOf(span)].flatMap(([key, value]) => {
      if (/^(telemetry\.sdk|mlflow|runstream)\./.test(key) || !isName(key)) return [];
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return [[key, cut(text, mlflowLimits.tagValueCharsMax)]];
    }),
  );
}

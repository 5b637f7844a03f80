import { text as readAll } from 'node:stream/consumers';
import { Rejection } from '#libs/domain/rejection.js';
import type { TraceState } from '#libs/domain/trace-fold.js';
import type { Answer } from './call.js';
import type { Experiment, World } from './door.js';
import { artifactLocation } from './experiments.js';

/** Times as Protobuf's JSON has them, which knows the years 1 to 9999. */
export const writeTime = (ms: number): string =>
  new Date(Math.min(Math.max(ms, -62_135_596_800_000), 253_402_300_799_999)).toISOString();
function writeDuration(ms: number): string {
  const whole = Math.min(Math.abs(Math.round(ms)), 315_576_000_000_000);
  return `${ms < 0 ? '-' : ''}${Math.floor(whole / 1_000)}.${String(whole % 1_000).padStart(3, '0')}s`;
}

const states = new Set(['OK', 'ERROR', 'IN_PROGRESS']);
const some = (name: string, value: string): Answer => (value === '' ? {} : { [name]: value });
const isObject = (value: unknown): value is Answer =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Where clients put files of a trace is said by a tag. */
export const traceTags = ({ id, tags }: TraceState, experiment: Experiment): Readonly<Record<string, string>> => ({
  ...tags,
  'mlflow.artifactLocation': `${artifactLocation(experiment)}/traces/${id}/artifacts`,
});

export function writeTraceInfo(trace: TraceState, experiment: Experiment): Answer {
  const { id, durationMs, state, metadata } = trace;
  return {
    trace_id: id,
    ...some('client_request_id', trace.clientRequestId),
    trace_location: {
      type: 'MLFLOW_EXPERIMENT',
      mlflow_experiment: { experiment_id: String(experiment.number) },
    },
    ...some('request_preview', trace.requestPreview),
    ...some('response_preview', trace.responsePreview),
    request_time: writeTime(trace.timeMs),
    ...(durationMs === null ? {} : { execution_duration: writeDuration(durationMs) }),
    state: states.has(state) ? state : 'STATE_UNSPECIFIED',
    trace_metadata: metadata,
    tags: traceTags(trace, experiment),
    assessments: Object.values(trace.assessments).filter(isObject),
  };
}

/** Traces with their spans, which are in Protobuf's JSON here: ids are bytes, and bytes are base64. */
export async function writeTraces(
  world: World,
  found: readonly { readonly trace: TraceState; readonly experiment: Experiment }[],
): Promise<readonly Answer[]> {
  const spans = await world.backend.tracking.traces.spans(found.map(({ trace }) => trace.id));
  const answers: Answer[] = [];
  for (const { trace, experiment } of found) {
    const written: Answer[] = [];
    for (const text of spans.get(trace.id) ?? []) {
      const span = await readSpan(world, text);
      if (span) written.push(span);
    }
    written.sort((a, b) => compareTimes(a['startTimeUnixNano'], b['startTimeUnixNano']));
    answers.push({ trace_info: writeTraceInfo(trace, experiment), spans: written });
  }
  return answers;
}

const compareTimes = (a: unknown, b: unknown): number => {
  const [left, right] = [String(a).padStart(20, '0'), String(b).padStart(20, '0')];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** Null for a text that is no span: other doors take any text. */
async function readSpan(world: World, text: string): Promise<Answer | null> {
  let value = parse(text);
  const file = value?.['storedAs'];
  if (typeof file === 'string') value = await readStored(world, file);
  if (!value) return null;
  const { resource: _, scope: __, parentSpanId, links, ...span } = value;
  const [traceId, spanId] = [base64(span['traceId']), base64(span['spanId'])];
  if (traceId === '' || spanId === '') return null;
  const parent = base64(parentSpanId);
  return {
    ...span,
    traceId,
    spanId,
    ...(parent === '' ? {} : { parentSpanId: parent }),
    ...(Array.isArray(links) ? { links: links.filter(isObject).map(writeLink) } : {}),
  };
}

/** One file that is not there, or never was one, must not hide the other spans and traces of an answer. */
async function readStored(world: World, digest: string): Promise<Answer | null> {
  try {
    return parse(await readAll(await world.backend.artifactStore.get(digest)));
  } catch (error) {
    if (error instanceof Rejection) return null;
    throw error;
  }
}

const writeLink = (link: Answer): Answer => ({
  ...link,
  traceId: base64(link['traceId']),
  spanId: base64(link['spanId']),
});

function parse(text: string): Answer | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
const base64 = (hex: unknown): string =>
  typeof hex === 'string' && /^([0-9a-f]{2})+$/i.test(hex) ? Buffer.from(hex, 'hex').toString('base64') : '';

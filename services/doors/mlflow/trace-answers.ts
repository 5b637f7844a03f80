import { artifactLocation, locationBelow } from '#libs/domain/artifact-location.js';
import { traceIdOf } from '#libs/domain/trace-id.js';
import type { TraceState } from '#libs/domain/trace-fold.js';
import type { Answer } from './call.js';
import type { Experiment, World } from './door.js';
import { compareStarts, isObject, readSpanText } from '#libs/runs/span-text.js';

/** Times as Protobuf's JSON has them, which knows the years 1 to 9999. */
export const writeTime = (ms: number): string =>
  new Date(Math.min(Math.max(ms, -62_135_596_800_000), 253_402_300_799_999)).toISOString();
function writeDuration(ms: number): string {
  const whole = Math.min(Math.abs(Math.round(ms)), 315_576_000_000_000);
  return `${ms < 0 ? '-' : ''}${Math.floor(whole / 1_000)}.${String(whole % 1_000).padStart(3, '0')}s`;
}

const states = new Set(['OK', 'ERROR', 'IN_PROGRESS']);
const some = (name: string, value: string): Answer => (value === '' ? {} : { [name]: value });

/** Where clients put files of a trace is said by a tag. */
export const traceTags = (
  { id, project, tags }: TraceState,
  experiment: Experiment,
): Readonly<Record<string, string>> => ({
  'mlflow.artifactLocation': locationBelow(artifactLocation(experiment), `traces/${traceIdOf(project, id)}/artifacts`),
  ...tags,
});

export function writeTraceInfo(trace: TraceState, experiment: Experiment): Answer {
  const { id, project, durationMs, state, metadata } = trace;
  return {
    trace_id: traceIdOf(project, id),
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
    written.sort(compareStarts);
    answers.push({ trace_info: writeTraceInfo(trace, experiment), spans: written });
  }
  return answers;
}

/** Null for a text that is no span: other doors take any text. */
async function readSpan(world: World, text: string): Promise<Answer | null> {
  const value = await readSpanText(text, (digest) => world.backend.artifactStore.get(digest));
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

const writeLink = (link: Answer): Answer => ({
  ...link,
  traceId: base64(link['traceId']),
  spanId: base64(link['spanId']),
});

const base64 = (hex: unknown): string =>
  typeof hex === 'string' && /^([0-9a-f]{2})+$/i.test(hex) ? Buffer.from(hex, 'hex').toString('base64') : '';

import { artifactLocation, locationBelow } from '#libs/domain/artifact-location.js';
import { traceIdOf } from '#libs/domain/trace-id.js';
import type { TraceState } from '#libs/domain/trace-fold.js';
import type { Answer } from './call.js';
import type { Experiment, World } from './world.js';
import { compareStarts, readSpanText, type SpanJson } from '#libs/runs/span-text.js';
import { isObject } from '#libs/domain/plain-json.js';
import { writeSpan } from './span-answers.js';

/** Times as Protobuf's JSON has them, which knows the years 1 to 9999. */
export const writeTime = (ms: number): string =>
  new Date(Math.min(Math.max(ms, -62_135_596_800_000), 253_402_300_799_999)).toISOString().replace('.000Z', 'Z');
function writeDuration(ms: number): string {
  const whole = Math.min(Math.abs(Math.round(ms)), 315_576_000_000_000);
  const rest = whole % 1_000;
  return `${ms < 0 ? '-' : ''}${Math.floor(whole / 1_000)}${rest === 0 ? '' : `.${String(rest).padStart(3, '0')}`}s`;
}

const states = new Set(['OK', 'ERROR', 'IN_PROGRESS']);
const some = (name: string, value: string): Answer => (value === '' ? {} : { [name]: value });

export const locationTag = 'mlflow.artifactLocation';
export const hiddenLocationTag = 'runstream.mlflow.noArtifactLocation';

/** Where clients put files of a trace is said by a tag, until somebody takes it away. */
export function traceTags({ id, project, tags }: TraceState, experiment: Experiment): Readonly<Record<string, string>> {
  const { [hiddenLocationTag]: hidden, ...shown } = tags;
  const path = `traces/${traceIdOf(project, id)}/artifacts`;
  const location = locationBelow(artifactLocation(experiment), path);
  return hidden === undefined ? { ...shown, [locationTag]: shown[locationTag] ?? location } : shown;
}

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

/** Traces with their spans. */
export async function writeTraces(
  world: World,
  found: readonly { readonly trace: TraceState; readonly experiment: Experiment }[],
): Promise<readonly Answer[]> {
  const spans = await world.backend.tracking.traces.spans(found.map(({ trace }) => trace.id));
  const answers: Answer[] = [];
  for (const { trace, experiment } of found) {
    const read: SpanJson[] = [];
    for (const text of spans.get(trace.id) ?? []) {
      const span = await readSpanText(text, (digest) => world.backend.artifactStore.get(digest));
      if (span) read.push(span);
    }
    const id = traceIdOf(trace.project, trace.id);
    const written = read.sort(compareStarts).flatMap((span) => writeSpan(span, id) ?? []);
    answers.push({ trace_info: writeTraceInfo(trace, experiment), spans: written });
  }
  return answers;
}

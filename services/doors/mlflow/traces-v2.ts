import type { TraceState } from '#libs/domain/trace-fold.js';
import { traceIdOf, traceSubject } from '#libs/domain/trace-id.js';
import type { Answer, Call, Handler } from './call.js';
import type { Experiment } from './world.js';
import type { Fields } from './fields.js';
import { invalid } from './mlflow-error.js';
import { cut, mlflowLimits } from './names.js';
import { writePairs } from './run-answers.js';
import { pageOfTraces } from './search-traces.js';
import { traceTags } from './trace-answers.js';
import { checkTraceId, findTrace, startTrace, type FoundTrace } from './traces.js';

/** Traces as clients before 3.0 log them: begun, ended, their spans a file beside the trace. */
const statuses = ['TRACE_STATUS_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS'];

function write({ trace, experiment }: FoundTrace): Answer {
  return {
    request_id: traceIdOf(trace.project, trace.id),
    experiment_id: String(experiment.number),
    timestamp_ms: trace.timeMs,
    ...(trace.durationMs === null ? {} : { execution_time_ms: trace.durationMs }),
    status: statuses.includes(trace.state) ? trace.state : statuses[0],
    request_metadata: writePairs(Object.entries(trace.metadata)),
    tags: writePairs(Object.entries(traceTags(trace, experiment))),
  };
}

const texts = (fields: Fields, name: string): Record<string, string> =>
  Object.fromEntries(fields.pairs(name).map(({ key, value }) => [key, cut(value, mlflowLimits.tagValueCharsMax)]));

type Told = Pick<TraceState, 'id' | 'timeMs' | 'state' | 'durationMs'>;

async function tell({ world, fields }: Call, experiment: Experiment, told: Told): Promise<Answer> {
  const data = {
    project: experiment.name,
    timeMs: told.timeMs,
    durationMs: told.durationMs ?? 0,
    hasDuration: told.durationMs !== null,
    state: told.state,
    requestPreview: '',
    responsePreview: '',
    clientRequestId: '',
    metadata: texts(fields, 'request_metadata'),
    tags: texts(fields, 'tags'),
    fromSpans: false,
  };
  await world.log.tell({ name: 'TraceLogged', subject: told.id, data });
  return { trace_info: write(await findTrace(world, traceIdOf(experiment.name, told.id))) };
}

/** The same path in both versions: only the newer one has a whole trace in it. */
export const startEitherTrace: Handler = (call) => (call.fields.has('trace') ? startTrace(call) : beginTrace(call));

async function beginTrace(call: Call): Promise<Answer> {
  const { world, fields } = call;
  const experiment = await world.active(fields.required('experiment_id'));
  await world.born(experiment);
  const id = traceSubject(world.name, `tr-${world.backend.newId().replaceAll('-', '')}`);
  const timeMs = fields.whole('timestamp_ms') ?? world.backend.clock();
  return tell(call, experiment, { id, timeMs, state: 'IN_PROGRESS', durationMs: null });
}

export async function endTrace(call: Call): Promise<Answer> {
  const { world, fields, path } = call;
  const { trace, experiment } = await findTrace(world, checkTraceId(path[0]!));
  let state: string | undefined;
  try {
    state = fields.text('status') || statuses[0];
  } catch {
    state = statuses[fields.whole('status') ?? 0];
  }
  if (state === undefined || !statuses.includes(state))
    throw invalid(
      `Invalid value '${state ?? ''}' for parameter 'status' supplied. Must be one of ${statuses.join(', ')}`,
    );
  const durationMs = (fields.whole('timestamp_ms') ?? world.backend.clock()) - trace.timeMs;
  return tell(call, experiment, { id: trace.id, timeMs: trace.timeMs, state, durationMs });
}

export async function getOldTraceInfo({ world, path }: Call): Promise<Answer> {
  return { trace_info: write(await findTrace(world, path[0]!)) };
}

export async function searchOldTraces(call: Call): Promise<Answer> {
  const { found, token } = await pageOfTraces(call);
  return { traces: found.map(write), ...(token === null ? {} : { next_page_token: token }) };
}

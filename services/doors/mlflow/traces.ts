import { Rejection } from '#libs/domain/rejection.js';
import { limits } from '#libs/domain/limits.js';
import type { TraceState } from '#libs/domain/trace-fold.js';
import { traceIdOf, traceSubject } from '#libs/domain/trace-id.js';
import type { Answer, Call } from './call.js';
import type { Experiment, World } from './world.js';
import type { Said } from '../shared/command-log.js';
import type { Fields } from './fields.js';
import { invalid, missing } from './mlflow-error.js';
import { checkName, cut, mlflowLimits } from './names.js';
import { readAssessment, readTime } from './read-assessment.js';
import { checkRunId } from './runs.js';
import { hiddenLocationTag, locationTag, writeTraceInfo, writeTraces } from './trace-answers.js';

export interface FoundTrace {
  readonly trace: TraceState;
  readonly experiment: Experiment;
}
const batchTracesMax = 1_000;
const linkedTracesMax = 100;
const deletedPerAppend = 1_000;

export const isTraceId = (id: string): boolean => /^[a-zA-Z0-9][\w.-]{0,127}$/.test(id);
export const checkTraceId = (id: string): string => {
  if (!isTraceId(id)) throw invalid(`Invalid trace ID: '${id.slice(0, 200)}'`);
  return id;
};
const notFound = (id: string) => missing(`Trace with ID '${id}' not found.`);

/** What the log calls traces of this world: each id to its subject. Those of before tenants had ids of their own keep theirs. */
export async function traceSubjects(world: World, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const own = new Map(ids.map((id) => [checkTraceId(id), traceSubject(world.name, id)]));
  for (const [id, subject] of own)
    if (subject.length > limits.runIdCharsMax)
      throw invalid(
        `Invalid trace ID: '${id.slice(0, 200)}': in this tenant at most ${limits.runIdCharsMax - subject.length + id.length} characters`,
      );
  if (world.name === '') return own;
  await world.log.subjectsSettled(ids);
  for (const { id, project } of await world.backend.tracking.traces.byId(ids))
    if (project !== '' && (await world.experimentOfKey(project))) own.set(id, id);
  return own;
}

/** Traces of this world in the order asked for; those that are not there are left out. */
export async function findTraces(world: World, ids: readonly string[]): Promise<readonly FoundTrace[]> {
  if (ids.length > batchTracesMax) throw invalid(`At most ${batchTracesMax} traces can be asked for at once`);
  const subjects = await traceSubjects(world, ids);
  await world.log.subjectsSettled([...subjects.values()]);
  const traces = await world.backend.tracking.traces.byId([...subjects.values()]);
  const bySubject = new Map(traces.map((trace) => [trace.id, trace]));
  const found: FoundTrace[] = [];
  for (const subject of subjects.values()) {
    const trace = bySubject.get(subject);
    const experiment = trace?.logged === true ? await world.experimentOfKey(trace.project) : null;
    if (trace && experiment) found.push({ trace, experiment });
  }
  return found;
}
export async function findTrace(world: World, id: string): Promise<FoundTrace> {
  const [found] = await findTraces(world, [id]);
  if (!found) throw notFound(id);
  return found;
}

/** Appends a command about a trace, whose refusal is said in MLflow's words. */
export async function traceCommand(world: World, event: Said): Promise<void> {
  try {
    await world.log.command(event);
  } catch (error) {
    if (error instanceof Rejection && error.code === 'NOT_FOUND' && error.field === 'subject')
      throw notFound(traceIdOf(`${world.name}:`, event.subject));
    throw error;
  }
}

function readDuration(fields: Fields, name: string): number | null {
  const text = fields.text(name);
  if (text === '') return null;
  if (!/^-?\d{1,12}(\.\d{1,9})?s$/.test(text))
    throw invalid(`Invalid value '${text.slice(0, 100)}' for parameter '${name}' supplied.`);
  return Math.round(Number(text.slice(0, -1)) * 1_000);
}

/** The enum as Protobuf numbers it. */
const states = ['STATE_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS'];
function readState(fields: Fields): string {
  let state: string | undefined;
  try {
    state = fields.text('state');
  } catch {
    state = states[fields.whole('state') ?? 0] ?? '?';
  }
  if (state !== '' && !states.includes(state))
    throw invalid(`Invalid value '${state}' for parameter 'state' supplied. Must be one of ${states.join(', ')}`);
  return state || states[0]!;
}

const texts = (fields: Fields, name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields.map(name)).map(([key, value]) => [key, cut(value, mlflowLimits.tagValueCharsMax)]),
  );

/** Said at the end of a trace, whatever MLflow calls it. */
export async function startTrace({ world, fields }: Call): Promise<Answer> {
  const info = fields.object('trace')?.object('trace_info');
  if (!info) throw fields.absent('trace.trace_info');
  const id = checkTraceId(info.required('trace_id'));
  const location = info.object('trace_location')?.object('mlflow_experiment');
  if (!location) throw info.absent('trace_location.mlflow_experiment');
  const experiment = await world.active(location.required('experiment_id'));
  const durationMs = readDuration(info, 'execution_duration');
  const data = {
    project: experiment.name,
    timeMs: readTime(info, 'request_time', world.backend.clock()),
    durationMs: durationMs ?? 0,
    hasDuration: durationMs !== null,
    state: readState(info),
    requestPreview: info.text('request_preview'),
    responsePreview: info.text('response_preview'),
    clientRequestId: info.text('client_request_id'),
    metadata: { ...texts(info, 'trace_metadata'), 'mlflow.trace.infoFinalized': 'true' },
    tags: texts(info, 'tags'),
    fromSpans: false,
  };
  const assessments = info.objects('assessments').map((item) => readAssessment(world, item, id));
  const subject = await ownSubject(world, id);
  await world.born(experiment);
  await world.log.tell({ name: 'TraceLogged', subject, data });
  if (assessments.length > 0) {
    const said = assessments.map((each) => ({ key: each.assessment_id, json: JSON.stringify(each) }));
    await traceCommand(world, { name: 'TraceAssessed', subject, data: { assessments: said, removed: [] } });
  }
  const found = await findTrace(world, id);
  return { trace: { trace_info: writeTraceInfo(found.trace, found.experiment) } };
}

/** A trace of before tenants had ids of their own is not to be moved from its tenant. */
export async function ownSubject(world: World, id: string): Promise<string> {
  const subject = (await traceSubjects(world, [id])).get(id)!;
  await world.log.subjectsSettled([subject]);
  const [known] = await world.backend.tracking.traces.byId([subject]);
  if (known && known.project !== '' && !(await world.experimentOfKey(known.project)))
    throw invalid(`Trace with ID '${id}' already exists elsewhere.`);
  return subject;
}

export async function getTraceInfo({ world, path }: Call): Promise<Answer> {
  const { trace, experiment } = await findTrace(world, path[0]!);
  return { trace: { trace_info: writeTraceInfo(trace, experiment) } };
}

export async function getTrace({ world, fields }: Call): Promise<Answer> {
  const [trace] = await writeTraces(world, [await findTrace(world, fields.required('trace_id'))]);
  return { trace };
}

/** Those of the experiments asked for, if any are. */
function within(found: readonly FoundTrace[], fields: Fields): readonly FoundTrace[] {
  const ids = new Set(fields.texts('experiment_ids'));
  return ids.size === 0 ? found : found.filter(({ experiment }) => ids.has(String(experiment.number)));
}
export async function batchGetTraces({ world, fields }: Call): Promise<Answer> {
  const found = within(await findTraces(world, fields.texts('trace_ids')), fields);
  return { traces: await writeTraces(world, found) };
}
export async function batchGetTraceInfos({ world, fields }: Call): Promise<Answer> {
  const found = within(await findTraces(world, fields.texts('trace_ids')), fields);
  return { trace_infos: found.map(({ trace, experiment }) => writeTraceInfo(trace, experiment)) };
}

export async function setTraceTag({ world, fields, path }: Call): Promise<Answer> {
  const { trace } = await findTrace(world, path[0]!);
  const key = checkName('tag', 'key', fields.required('key'));
  const tags = { [key]: cut(fields.text('value'), mlflowLimits.tagValueCharsMax) };
  await traceCommand(world, { name: 'TraceTagsSet', subject: trace.id, data: { tags, removed: [] } });
  return {};
}

export async function deleteTraceTag({ world, fields, path }: Call): Promise<Answer> {
  const { trace } = await findTrace(world, path[0]!);
  const key = fields.required('key');
  // it is shown where nobody set it: that it is not to be shown is a tag as well
  if (key === locationTag && !Object.hasOwn(trace.tags, hiddenLocationTag)) {
    const data = { tags: { [hiddenLocationTag]: 'true' }, removed: [key] };
    return traceCommand(world, { name: 'TraceTagsSet', subject: trace.id, data }).then(() => ({}));
  }
  if (!Object.hasOwn(trace.tags, key)) throw missing(`No trace tag with key '${key}' for trace with ID '${path[0]!}'`);
  await traceCommand(world, { name: 'TraceTagsSet', subject: trace.id, data: { tags: {}, removed: [key] } });
  return {};
}

export async function deleteTraces({ world, fields }: Call): Promise<Answer> {
  const experiment = await world.experiment(fields.required('experiment_id'));
  const until = fields.whole('max_timestamp_millis');
  const max = fields.whole('max_traces');
  const ids = [...fields.texts('request_ids'), ...fields.texts('trace_ids')];
  if (until === null && ids.length === 0)
    throw invalid('Either `max_timestamp_millis` or `trace_ids` must be specified.');
  if (until !== null && ids.length > 0)
    throw invalid('Only one of `max_timestamp_millis` and `trace_ids` can be specified.');
  if (ids.length > 0 && max !== null) throw invalid("`max_traces` can't be specified if `trace_ids` is specified.");
  if (max !== null && max <= 0) throw invalid(`\`max_traces\` must be a positive integer, received ${max}.`);
  const gone =
    until === null
      ? (await findTraces(world, ids))
          .filter((found) => found.experiment.name === experiment.name)
          .map(({ trace }) => trace)
      : await oldest(world, experiment, until, max ?? Infinity);
  for (let from = 0; from < gone.length; from += deletedPerAppend) {
    const some = gone.slice(from, from + deletedPerAppend);
    await world.log.tell(...some.map(({ id }) => ({ name: 'TraceDeleted' as const, subject: id, data: {} })));
  }
  return { traces_deleted: gone.length };
}

async function oldest(world: World, experiment: Experiment, until: number, max: number) {
  await world.log.settled();
  const time = { kind: 'column', name: 'timeMs' } as const;
  const found: TraceState[] = [];
  for (;;) {
    const limit = Math.min(deletedPerAppend, max - found.length);
    const page = await world.backend.tracking.traces.search({
      projects: [experiment.name],
      clauses: [{ of: time, operator: '<=', values: [until] }],
      orders: [{ of: time, descending: false }],
      limit,
      offset: found.length,
    });
    found.push(...page.slice(0, limit));
    if (page.length <= limit || found.length >= max) return found;
  }
}

export async function linkTracesToRun({ world, fields }: Call): Promise<Answer> {
  const ids = [...new Set(fields.texts('trace_ids'))];
  if (ids.length > linkedTracesMax)
    throw invalid(
      `Cannot link more than ${linkedTracesMax} traces to a run in a single request. Provided ${ids.length} traces.`,
    );
  const { run } = await world.run(checkRunId(fields.required('run_id')));
  const data = { runs: [run.state.id] };
  const subjects = [...(await traceSubjects(world, ids)).values()];
  await Promise.all(subjects.map((subject) => traceCommand(world, { name: 'TraceLinked', subject, data })));
  return {};
}

const promptsTag = 'mlflow.linkedPrompts';

export async function linkPrompts({ world, fields }: Call): Promise<Answer> {
  const { trace } = await findTrace(world, fields.required('trace_id'));
  const asked = fields.objects('prompt_versions').map((item) => ({
    name: item.required('name'),
    version: String(item.requiredWhole('version')),
  }));
  const known = readPrompts(trace.tags[promptsTag] ?? '[]');
  const is = (a: { name: unknown; version: unknown }, b: { name: unknown; version: unknown }): boolean =>
    a.name === b.name && String(a.version) === String(b.version);
  const added = asked.filter((prompt) => !known.some((other) => is(prompt, other)));
  if (added.length === 0) return {};
  const value = JSON.stringify([...known, ...added]);
  if (value.length > mlflowLimits.tagValueCharsMax) throw invalid('Too many prompts are linked to this trace');
  const data = { tags: { [promptsTag]: value }, removed: [] };
  await traceCommand(world, { name: 'TraceTagsSet', subject: trace.id, data });
  return {};
}
function readPrompts(tag: string): readonly { name: unknown; version: unknown }[] {
  try {
    const list: unknown = JSON.parse(tag);
    return Array.isArray(list) ? (list as { name: unknown; version: unknown }[]).filter((each) => each !== null) : [];
  } catch {
    return [];
  }
}

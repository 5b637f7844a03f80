import type { Environment } from '#libs/domain/event.js';
import type { RunState } from '#libs/domain/run-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import { paramText } from '#libs/runs/search/logged-models.js';
import type { Answer, Call } from './call.js';
import { mlflowId, type World } from './world.js';
import { invalid, missing, MlflowError } from './mlflow-error.js';
import type { Fields } from './fields.js';
import type { Said } from '../shared/command-log.js';
import { toBlocks } from '../shared/point-blocks.js';
import { readMetric, readMetrics, type Metric } from './metric-blocks.js';
import { checkName, cut, mlflowLimits } from './names.js';
import { endTag, nameTag, noteTag, runArtifacts, statusTag, tagsOf, writeRun, writeRunInfo } from './run-answers.js';
import { randomRunName } from '../shared/run-names.js';

/** Clients send both names of the field. */
export const runIdOf = (fields: Fields): string => {
  const id = fields.text('run_id') || fields.text('run_uuid');
  if (id === '') throw invalid("Missing value for required parameter 'run_id'.");
  return checkRunId(id);
};
export function checkRunId(id: string): string {
  if (!/^[a-zA-Z0-9][\w-]{0,127}$/.test(id)) throw invalid(`Invalid run ID: '${id.slice(0, 200)}'`);
  return id;
}

type Pair = { readonly key: string; readonly value: string };

function readTags(tags: readonly Pair[]): ReadonlyMap<string, string> {
  return new Map(
    tags.map(({ key, value }) => [checkName('tag', 'key', key), cut(value, mlflowLimits.tagValueCharsMax)] as const),
  );
}

/** Tags that are fields of a run here go where they belong. */
function tagEvents(run: string, tags: ReadonlyMap<string, string>): Said[] {
  const rest = new Map(tags);
  const events: Said[] = [];
  const name = rest.get(nameTag);
  const note = rest.get(noteTag);
  rest.delete(nameTag);
  rest.delete(noteTag);
  if (name !== undefined && name !== '')
    events.push({ name: 'RunRenamed', subject: run, data: { name: cut(name, 500) } });
  if (note !== undefined) events.push({ name: 'NoteSet', subject: run, data: { text: note } });
  if (rest.size > 0)
    events.push({
      name: 'TagsSet',
      subject: run,
      data: { tags: Object.fromEntries(rest), removed: [], labels: [], labelsRemoved: [] },
    });
  return events;
}

export async function createRun({ world, fields }: Call): Promise<Answer> {
  const experiment = await world.active(fields.text('experiment_id') || '0');
  await world.born(experiment);
  const tags = new Map(readTags(fields.pairs('tags')));
  const [given, tagged] = [fields.text('run_name'), tags.get(nameTag) ?? ''];
  if (given !== '' && tagged !== '' && given !== tagged)
    throw invalid(
      `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${given}', mlflow.runName='${tagged}').`,
    );
  const id = world.backend.newId().replaceAll('-', '');
  const name = cut(given || tagged || randomRunName(id), 500);
  const user = cut(fields.text('user_id'), 500);
  const notes = tags.get(noteTag) ?? '';
  tags.delete(nameTag);
  tags.delete(noteTag);
  const startedAt = fields.whole('start_time') ?? world.backend.clock();
  if (Math.abs(startedAt) > 8.64e15) throw invalid(`Invalid value ${startedAt} for parameter 'start_time' supplied.`);
  const kept = Object.fromEntries(tags);
  const environment = environmentOf(kept, user);
  const data = { project: experiment.name, name, user, notes, tags: kept, ...unsaid, environment };
  await world.log.tell({ name: 'RunStarted', subject: id, timeMs: startedAt, data });
  world.remember(id, true);
  return {
    run: {
      info: {
        run_uuid: id,
        experiment_id: String(experiment.number),
        run_name: name,
        user_id: user,
        status: 'RUNNING',
        start_time: startedAt,
        artifact_uri: runArtifacts(experiment, id),
        lifecycle_stage: 'active',
        run_id: id,
      },
      data: { tags: [...tags, [nameTag, name]].map(([key, value]) => ({ key, value })) },
      inputs: {},
    },
  };
}
/** Where the program came from, as its client's tags tell it; null where they do not. */
function environmentOf(tags: Readonly<Record<string, string>>, user: string): Environment | null {
  const tag = (name: string): string => tags[`mlflow.source.${name}`] ?? '';
  const [commit, branch, remote] = [tag('git.commit'), tag('git.branch'), tag('git.repoURL')];
  if (tag('name') === '' && commit === '') return null;
  const git = commit === '' ? null : { commit, branch, remote, dirty: tag('git.dirty') === 'true', diffDigest: '' };
  return {
    ...{ git, command: tag('name'), user: tags['mlflow.user'] ?? user, host: '', os: '', runtime: '', cwd: '' },
    ...{ packages: {}, seeds: {}, launcher: '', hardware: null },
  };
}

/** What MLflow's clients do not say when they start a run. Nobody sends heartbeats: the world size is unknown. */
const unsaid = {
  group: '',
  jobType: '',
  params: [],
  worldSize: 0,
  launch: '',
  fromStep: 0,
  hasFromStep: false,
  costPerHour: 0,
  labels: [],
};

export async function getRun({ world, fields }: Call): Promise<Answer> {
  const { run, experiment } = await world.run(runIdOf(fields));
  return { run: await writeRun(world, run, experiment) };
}

const endings: Readonly<Record<string, string>> = { FINISHED: 'finished', FAILED: 'failed', KILLED: 'killed' };
/** The enum as Protobuf numbers it. */
const statuses = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'];

function readStatus(fields: Fields): string {
  let status = '';
  try {
    status = fields.text('status');
  } catch {
    status = statuses[(fields.whole('status') ?? 0) - 1] ?? '?';
  }
  if (status !== '' && !statuses.includes(status))
    throw invalid(`Invalid value '${status}' for parameter 'status' supplied. Must be one of ${statuses.join(', ')}`);
  return status;
}

export async function updateRun({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const status = readStatus(fields);
  const name = fields.text('run_name');
  const { run } = await writableRun(world, id);
  const events: Said[] = statusEvents(run.state, status, fields.whole('end_time'), world.backend.clock());
  if (name !== '') events.push({ name: 'RunRenamed', subject: id, data: { name: cut(name, 500) } });
  await commands(world, id, events);
  const after = await world.run(id);
  return { run_info: writeRunInfo(after.run, after.experiment) };
}

function statusEvents(state: RunState, status: string, endAt: number | null, now: number): Said[] {
  const subject = state.id;
  const events: Said[] = [];
  const scheduled = Object.hasOwn(state.tags, statusTag);
  const tags = (set: Readonly<Record<string, string>>, removed: readonly string[]): Said => ({
    name: 'TagsSet',
    subject,
    data: { tags: set, removed, labels: [], labelsRemoved: [] },
  });
  const ends = Object.hasOwn(endings, status);
  const told = Object.hasOwn(state.tags, endTag);
  if (endAt !== null && !ends) events.push(tags({ [endTag]: String(endAt) }, []));
  else if (ends && told) events.push(tags({}, [endTag]));
  // MLflow keeps the end of a run that goes on
  else if (status !== '' && !ends && state.endedAt !== null && !told)
    events.push(tags({ [endTag]: String(state.endedAt) }, []));
  if (status === '') return events;
  if (status === 'SCHEDULED') events.push(tags({ [statusTag]: status }, []));
  else if (scheduled) events.push(tags({}, [statusTag]));
  if (ends) {
    const timeMs = endAt !== null && Math.abs(endAt) <= 8.64e15 && endAt !== 0 ? endAt : now;
    const data = {
      state: endings[status]!,
      reason: '',
      lastTelemetrySeq: 0,
      lastRunsSeq: 0,
      exitCode: 0,
      wholeRun: true,
    };
    events.push({ name: 'RunFinished', subject, timeMs, data });
  } else if (state.status !== 'running') {
    const attempt = state.attempts.at(-1)?.number ?? 1;
    const data = { attempt, launch: '', fromStep: 0, hasFromStep: false, worldSize: 0, environment: null };
    // said at a time after the end it takes back
    events.push({ name: 'RunResumed', subject, timeMs: Math.max(now, (state.endedAt ?? 0) + 1), data });
  }
  return events;
}

async function writableRun(world: World, id: string) {
  const found = await world.run(id);
  if (found.run.state.deleted || found.experiment.deleted) throw deletedRun(id);
  return found;
}
const deletedRun = (id: string): MlflowError =>
  invalid(`The run ${id} must be in the 'active' state. Current state is deleted.`);

/** One after the other, each with its verdict, in the words of MLflow. */
export async function commands(world: World, id: string, events: readonly Said[]): Promise<void> {
  for (const event of events) {
    try {
      await world.log.command(event);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      if (error.code === 'NOT_FOUND') throw missing(`Run with id=${id} not found`);
      if (error.code === 'RUN_DELETED') throw deletedRun(id);
      throw error;
    }
  }
}

export async function deleteRun({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const { run } = await world.run(id);
  if (!run.state.deleted) await commands(world, id, [{ name: 'RunDeleted', subject: id, data: {} }]);
  world.remember(id, false);
  return {};
}

export async function restoreRun({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const { run, experiment } = await world.run(id);
  if (run.state.deleted) await commands(world, id, [{ name: 'RunRestored', subject: id, data: {} }]);
  world.remember(id, !experiment.deleted);
  return {};
}

export async function setTag({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  await world.writable(id);
  const pair = { key: fields.required('key'), value: fields.text('value') };
  await commands(world, id, tagEvents(id, readTags([pair])));
  return {};
}

export async function deleteTag({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const key = fields.required('key');
  const { run } = await writableRun(world, id);
  if (!tagsOf(run).some(([known]) => known === key)) throw missing(`No tag with name: ${key} in run with id ${id}`);
  const data = { tags: {}, removed: [key], labels: [], labelsRemoved: [] };
  await commands(world, id, [
    key === noteTag ? { name: 'NoteSet', subject: id, data: { text: '' } } : { name: 'TagsSet', subject: id, data },
  ]);
  return {};
}

export async function logParam({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  await world.writable(id);
  await logParams(world, id, [{ key: fields.required('key'), value: fields.text('value') }]);
  return {};
}

async function logParams(world: World, id: string, given: readonly Pair[]): Promise<void> {
  if (given.length === 0) return;
  const seen = new Map<string, string>();
  for (const [index, { key, value }] of given.entries()) {
    checkName('param', `params[${index}].key`, key);
    if (seen.has(key)) {
      const duplicates = given.map((param) => param.key).filter((other, i, all) => all.indexOf(other) !== i);
      throw invalid(`Duplicate parameter keys have been submitted: ${[...new Set(duplicates)].join(', ')}`);
    }
    seen.set(key, cut(value, mlflowLimits.paramValueCharsMax));
  }
  const params = [...seen].map(([key, value]) => ({ key, json: JSON.stringify(value) }));
  try {
    await commands(world, id, [{ name: 'ParamsLogged', subject: id, data: { params, immutable: true } }]);
  } catch (error) {
    if (!(error instanceof Rejection && error.code === 'PARAM_CONFLICT')) throw error;
    throw await paramConflict(world, id, seen);
  }
}

async function paramConflict(world: World, id: string, wanted: ReadonlyMap<string, string>): Promise<MlflowError> {
  const { run } = await world.run(id);
  const conflicts = [...wanted].flatMap(([key, value]) => {
    const known = Object.hasOwn(run.state.params, key) ? paramText(run.state.params[key]!.value) : value;
    return known === value ? [] : [{ key, old_value: known, new_value: value }];
  });
  const [first] = conflicts;
  if (first && wanted.size === 1)
    return invalid(
      `Changing param values is not allowed. Param with key='${first.key}' was already logged with value='${first.old_value}' for run ID='${id}'. Attempted logging new value '${first.new_value}'.`,
    );
  const list = conflicts.map(
    ({ key, old_value, new_value }) => `{'key': '${key}', 'old_value': '${old_value}', 'new_value': '${new_value}'}`,
  );
  return invalid(
    `Changing param values is not allowed. Params were already logged='[${list.join(', ')}]' for run ID='${id}'.`,
  );
}

export async function logMetric({ world, fields, body }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const metric = readMetric(fields, '', new Set());
  await world.writable(id);
  await checkModels(world, [metric]);
  await logMetrics(world, id, [metric], body);
  return {};
}

/** Points are acknowledged when durable; a body that is sent again is the same event again. */
async function logMetrics(world: World, id: string, metrics: readonly Metric[], body: Uint8Array): Promise<void> {
  if (metrics.length === 0) return;
  let timeMs = 0;
  for (const metric of metrics) if (metric.timeMs > timeMs) timeMs = metric.timeMs;
  const points: Said = {
    name: 'PointsLogged',
    subject: id,
    // of the content alone, so that the rows of a repetition are the same rows
    timeMs,
    id: mlflowId('points', body),
    data: { blocks: toBlocks(metrics) },
  };
  await world.log.tell(points, ...modelMetrics(id, metrics, body));
}

/** A model that was seen once is believed: it can't go but by being deleted. */
async function checkModels(world: World, metrics: readonly Metric[]): Promise<void> {
  const ids = [...new Set(metrics.map(({ model }) => model))].filter((id) => id !== '' && !world.knownModels.has(id));
  if (ids.length === 0) return;
  ids.forEach(checkRunId);
  await world.log.subjectsSettled(ids);
  const known = new Set((await world.backend.tracking.models.byId(ids)).map(({ id }) => id));
  const unknown = ids.find((id) => !known.has(id));
  if (unknown !== undefined)
    throw new MlflowError('BAD_REQUEST', `There is no logged model '${unknown}' to log a metric of`);
  if (world.knownModels.size > 10_000) world.knownModels.clear();
  for (const id of known) world.knownModels.add(id);
}

/** What was measured of a logged model is kept with the model as well. */
function modelMetrics(run: string, metrics: readonly Metric[], body: Uint8Array): Said[] {
  const byModel = new Map<string, Metric[]>();
  for (const metric of metrics)
    if (metric.model !== '') byModel.set(metric.model, [...(byModel.get(metric.model) ?? []), metric]);
  return [...byModel].map(([subject, list]) => ({
    name: 'LoggedModelMeasured',
    subject: checkRunId(subject),
    id: mlflowId(subject.slice(0, 60), body),
    data: { metrics: list.map(({ model: _, ...metric }) => ({ ...metric, run })) },
  }));
}

export async function logBatch({ world, fields, body }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const metrics = readMetrics(fields);
  const params = fields.pairs('params');
  const tags = fields.pairs('tags');
  checkCount('metrics', metrics.length, mlflowLimits.batchMetricsMax);
  checkCount('params', params.length, mlflowLimits.batchParamsMax);
  checkCount('tags', tags.length, mlflowLimits.batchTagsMax);
  const total = metrics.length + params.length + tags.length;
  if (total > mlflowLimits.batchEntriesMax)
    throw invalid(
      `A batch logging request can contain at most ${mlflowLimits.batchEntriesMax} metrics, params, and tags in total. Got ${total}. Please split up entries across requests and try again.`,
    );
  const tagged = tagEvents(id, readTags(tags));
  await world.writable(id);
  await checkModels(world, metrics);
  await logParams(world, id, params);
  await logMetrics(world, id, metrics, body);
  await commands(world, id, tagged);
  return {};
}

function checkCount(kind: string, count: number, max: number): void {
  if (count > max)
    throw invalid(
      `A batch logging request can contain at most ${max} ${kind}. Got ${count} ${kind}. Please split up ${kind} across multiple requests and try again.`,
    );
}

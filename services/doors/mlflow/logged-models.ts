import { modelLocation } from '#libs/domain/artifact-location.js';
import type { ModelMetric } from '#libs/domain/event.js';
import type { LoggedModelState } from '#libs/domain/logged-model-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import { filterModels, modelColumns, paramText, type MeasuredModel } from '#libs/runs/search/logged-models.js';
import { queryHash } from '#libs/runs/search/cursor.js';
import { pageOf, writeNumber, type Answer, type Call } from './call.js';
import type { Experiment, World } from './world.js';
import type { Said } from '../shared/command-log.js';
import type { Fields } from './fields.js';
import { invalid, missing, MlflowError } from './mlflow-error.js';
import { writePairs } from './run-answers.js';
import { randomRunName } from '../shared/run-names.js';
import { checkRunId } from './runs.js';

function write(model: LoggedModelState, experiment: Experiment, metrics: readonly ModelMetric[]): Answer {
  const info = {
    model_id: model.id,
    experiment_id: String(experiment.number),
    name: model.name,
    creation_timestamp_ms: model.createdAt,
    last_updated_timestamp_ms: model.updatedAt,
    artifact_uri: modelLocation(experiment, model.id),
    status: `LOGGED_MODEL_${model.status}`,
    ...(model.modelType === '' ? {} : { model_type: model.modelType }),
    ...(model.run === '' ? {} : { source_run_id: model.run }),
    tags: writePairs(Object.entries(model.tags)),
  };
  const params = Object.entries(model.params).map(([key, json]) => [key, paramText(json)] as const);
  const measured = metrics.map(({ key, value, timeMs, step, datasetName, datasetDigest, run }) => ({
    key,
    value: writeNumber(value),
    timestamp: timeMs,
    step,
    model_id: model.id,
    ...(datasetName === '' ? {} : { dataset_name: datasetName }),
    ...(datasetDigest === '' ? {} : { dataset_digest: datasetDigest }),
    run_id: run,
  }));
  return { info, data: { params: writePairs(params), metrics: measured } };
}

interface Found {
  readonly model: LoggedModelState;
  readonly experiment: Experiment;
}

/** A model of this world. */
export async function loggedModel(world: World, id: string, deletedToo = false): Promise<Found> {
  checkRunId(id);
  await world.log.subjectsSettled([id]);
  const [model] = await world.backend.tracking.models.byId([id]);
  const experiment = model ? await world.experimentOfKey(model.project) : null;
  if (!model || !experiment || (model.deleted && !deletedToo)) throw missing(`Logged model with ID '${id}' not found.`);
  return { model, experiment };
}

async function answer(world: World, { model, experiment }: Found): Promise<Answer> {
  const metrics = await world.backend.tracking.models.metrics([model.id]);
  return { model: write(model, experiment, metrics.get(model.id) ?? []) };
}

// autologging sends an estimator's params as they are: MLflow checks no names here
const jsonParams = (fields: Fields): { key: string; json: string }[] =>
  fields.pairs('params').map(({ key, value }) => ({ key, json: JSON.stringify(value) }));
const tagsFrom = (fields: Fields): Record<string, string> =>
  Object.fromEntries(fields.pairs('tags').map(({ key, value }) => [key, value]));

async function command(world: World, id: string, event: Said): Promise<void> {
  try {
    await world.log.command(event);
  } catch (error) {
    if (error instanceof Rejection && error.code === 'NOT_FOUND')
      throw missing(`Logged model with ID '${id}' not found.`);
    throw error;
  }
}

export async function createLoggedModel({ world, fields }: Call): Promise<Answer> {
  const experiment = await world.active(fields.required('experiment_id'));
  const id = `m-${world.backend.newId().replaceAll('-', '')}`;
  const name = fields.text('name') || randomRunName(id.slice(2));
  if (/[/:.%"']/.test(name) || name.length > 500)
    throw invalid(
      `Invalid model name (${JSON.stringify(name)}) provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`,
    );
  const run = fields.text('source_run_id');
  const data = {
    project: experiment.name,
    name,
    modelType: fields.text('model_type'),
    run: run === '' ? '' : checkRunId(run),
    params: jsonParams(fields),
    tags: tagsFrom(fields),
  };
  await world.born(experiment);
  await command(world, id, { name: 'LoggedModelCreated', subject: id, data });
  return answer(world, await loggedModel(world, id));
}

export async function getLoggedModel({ world, fields, path }: Call): Promise<Answer> {
  return answer(world, await loggedModel(world, path[0]!, fields.flag('allow_deleted')));
}

const statuses = ['UNSPECIFIED', 'PENDING', 'READY', 'UPLOAD_FAILED'];

export async function finalizeLoggedModel({ world, fields, path }: Call): Promise<Answer> {
  const id = checkRunId(path[0]!);
  let status: string | undefined;
  try {
    status = fields.text('status').replace(/^LOGGED_MODEL_/, '');
  } catch {
    status = statuses[fields.whole('status') ?? 0];
  }
  if (status === undefined || !statuses.includes(status) || status === 'UNSPECIFIED')
    throw invalid(`Invalid value '${status ?? ''}' for parameter 'status' supplied.`);
  await loggedModel(world, id);
  await change(world, id, { status });
  return answer(world, await loggedModel(world, id));
}

type Change = Partial<Extract<Said<'LoggedModelChanged'>['data'], object>>;
export function change(world: World, id: string, data: Change): Promise<void> {
  const whole = { status: '', tags: {}, removed: [], params: [], ...data };
  return command(world, id, { name: 'LoggedModelChanged', subject: id, data: whole });
}

export async function deleteLoggedModel({ world, path }: Call): Promise<Answer> {
  const id = checkRunId(path[0]!);
  await loggedModel(world, id);
  await command(world, id, { name: 'LoggedModelDeleted', subject: id, data: {} });
  return {};
}

export async function setLoggedModelTags({ world, fields, path }: Call): Promise<Answer> {
  const id = checkRunId(path[0]!);
  await loggedModel(world, id);
  await change(world, id, { tags: tagsFrom(fields) });
  return {};
}

export async function deleteLoggedModelTag({ world, path }: Call): Promise<Answer> {
  const [id, key] = [checkRunId(path[0]!), path[1]!];
  const { model } = await loggedModel(world, id);
  if (!Object.hasOwn(model.tags, key)) throw missing(`No tag with key '${key}' found for model with ID '${id}'.`);
  await change(world, id, { removed: [key] });
  return {};
}

export async function logLoggedModelParams({ world, fields, path }: Call): Promise<Answer> {
  const id = checkRunId(path[0]!);
  const { model } = await loggedModel(world, id);
  const params = jsonParams(fields);
  const known = params.find(({ key, json }) => Object.hasOwn(model.params, key) && model.params[key] !== json);
  if (known)
    throw new MlflowError(
      'BAD_REQUEST',
      `Changing param values is not allowed. Param with key='${known.key}' was already logged for logged model with ID '${id}'.`,
    );
  await change(world, id, { params });
  return {};
}

interface Row extends Found, MeasuredModel {}

const resultsMax = 1_000;

export async function searchLoggedModels({ world, fields }: Call): Promise<Answer> {
  const ids = new Set(fields.texts('experiment_ids'));
  if (ids.size === 0) throw invalid("Missing value for required parameter 'experiment_ids'.");
  const max = Math.min(fields.whole('max_results') ?? 100, resultsMax);
  if (max < 1) throw invalid(`Invalid value ${max} for parameter 'max_results' supplied.`);
  const datasets = fields.objects('datasets').map((dataset) => ({
    name: dataset.required('dataset_name'),
    digest: dataset.text('dataset_digest'),
  }));
  const experiments = (await world.experiments()).filter(({ number, deleted }) => ids.has(String(number)) && !deleted);
  const byKey = new Map(experiments.map((experiment) => [experiment.name, experiment]));
  await world.log.settled();
  const { models } = world.backend.tracking;
  const states = await models.ofProjects([...byKey.keys()]);
  const metrics = await models.metrics(states.map(({ id }) => id));
  const rows = states.map((model): Row => ({
    model,
    experiment: byKey.get(model.project)!,
    metrics: metrics.get(model.id) ?? [],
  }));
  const inScope = ({ datasetName, datasetDigest }: ModelMetric): boolean =>
    datasets.length === 0 ||
    datasets.some(({ name, digest }) => name === datasetName && (digest === '' || digest === datasetDigest));
  const measured = datasets.length === 0 ? rows : rows.filter((row) => row.metrics.some(inScope));
  const matching = filterModels(measured, fields.text('filter'), inScope, {
    ...modelColumns,
    experiment_id: { type: 'text', of: (row: Row) => String(row.experiment.number) },
  });
  const ordered = order(matching, fields.objects('order_by'));
  const orders = fields
    .objects('order_by')
    .map((item) => [
      item.required('field_name'),
      !item.has('ascending') || item.flag('ascending'),
      item.text('dataset_name'),
      item.text('dataset_digest'),
    ]);
  const query = queryHash([[...ids].sort(), fields.text('filter'), orders, datasets]);
  const { rows: page, token } = pageOf(ordered, max, fields.text('page_token'), query);
  return {
    models: page.map((row) => write(row.model, row.experiment, row.metrics)),
    ...(token === null ? {} : { next_page_token: token }),
  };
}

function order(rows: readonly Row[], asked: readonly Fields[]): readonly Row[] {
  const orders = asked.map((item) => {
    const field = item.required('field_name');
    const sign = item.has('ascending') && !item.flag('ascending') ? -1 : 1;
    const metric = /^metrics\.(.+)$/s.exec(field)?.[1];
    if (metric === undefined && !Object.hasOwn(modelColumns, field))
      throw invalid(`Invalid order by field name: ${field}`);
    const [name, digest] = [item.text('dataset_name'), item.text('dataset_digest')];
    const of = (row: Row): string | number | undefined =>
      metric === undefined
        ? modelColumns[field]!.of(row)
        : row.metrics
            .filter((each) => each.key === metric && (name === '' || each.datasetName === name))
            .filter((each) => digest === '' || each.datasetDigest === digest)
            .at(-1)?.value;
    return { of, sign };
  });
  return rows.toSorted((a, b) => {
    for (const { of, sign } of orders) {
      const [left, right] = [of(a), of(b)];
      if (left === right) continue;
      if (left === undefined) return 1;
      if (right === undefined) return -1;
      return left < right ? -sign : sign;
    }
    return b.model.createdAt - a.model.createdAt;
  });
}

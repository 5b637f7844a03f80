import type { Dataset } from '#libs/domain/event.js';
import { parseJson } from '../../http/read-json.js';
import type { Answer, Call } from './call.js';
import type { Fields } from './fields.js';
import { invalid } from './mlflow-error.js';
import { checkRunId, commands, runIdOf } from './runs.js';

const charsMax = { name: 500, digest: 36, source: 65_535, schema: 1_000_000, profile: 1_000_000 } as const;

function short(name: string, text: string, max: number): string {
  if (text.length > max) throw invalid(`'${name}' of an input tag exceeds the maximum length of ${max} characters`);
  return text;
}

function readDataset(item: Fields): Dataset {
  const dataset = item.object('dataset');
  if (!dataset) throw invalid('Dataset input must have a dataset associated with it.');
  const text = (name: keyof typeof charsMax, value: string): string => {
    if (value.length > charsMax[name])
      throw invalid(`'${name}' exceeds the maximum length of ${charsMax[name]} characters`);
    return value;
  };
  return {
    name: text('name', dataset.required('name')),
    digest: text('digest', dataset.required('digest')),
    sourceType: dataset.required('source_type'),
    source: text('source', dataset.text('source')),
    schema: text('schema', dataset.text('schema')),
    profile: text('profile', dataset.text('profile')),
    tags: Object.fromEntries(
      item.pairs('tags').map(({ key, value }) => [short('key', key, 255), short('value', value, 500)]),
    ),
  };
}

export async function logInputs({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const datasets = fields.objects('datasets').map(readDataset);
  const models = fields.objects('models').map((model) => checkRunId(model.required('model_id')));
  await world.writable(id);
  await commands(world, id, [{ name: 'InputsLogged', subject: id, data: { datasets, models } }]);
  return {};
}

export async function logOutputs({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  const models = fields
    .objects('models')
    .map((model) => ({ model: checkRunId(model.required('model_id')), step: model.whole('step') ?? 0 }));
  await world.writable(id);
  await commands(world, id, [{ name: 'OutputsLogged', subject: id, data: { models } }]);
  return {};
}

const historyTag = 'mlflow.log-model.history';

/** What clients before 3.0 say of a model: a list in a tag. */
export async function logModel({ world, fields }: Call): Promise<Answer> {
  const id = runIdOf(fields);
  let model: unknown;
  try {
    model = parseJson(fields.required('model_json'), { valuesMax: 10_000 });
  } catch {
    throw invalid(`Malformed model info. \n ${fields.text('model_json').slice(0, 200)} \n is not a valid JSON.`);
  }
  const { run } = await world.run(id);
  const known = run.state.tags[historyTag]?.value;
  const list = known === undefined ? [] : (JSON.parse(known) as unknown[]);
  const tags = { [historyTag]: JSON.stringify([...list, model]) };
  const data = { tags, removed: [], labels: [], labelsRemoved: [] };
  await commands(world, id, [{ name: 'TagsSet', subject: id, data }]);
  return {};
}

const experimentsMax = 20;
const summariesMax = 1_000;

export async function searchDatasets({ world, fields }: Call): Promise<Answer> {
  const ids = fields.texts('experiment_ids');
  if (ids.length > experimentsMax)
    throw invalid(
      `SearchDatasets request cannot specify more than ${experimentsMax} experiment_ids. Received ${ids.length} experiment_ids.`,
    );
  const summaries = new Map<string, Answer>();
  for (const id of ids) {
    const { name } = await world.experiment(id);
    const scope = {
      projects: [name],
      deletedProjects: [],
      view: 'active',
      filter: null,
      source: '',
      orders: [],
    } as const;
    for (const run of await world.backend.tracking.search({ ...scope, limit: summariesMax, offset: 0 }))
      for (const { name: dataset, digest, tags } of run.datasets) {
        const context = tags['mlflow.data.context'] ?? '';
        const summary = { experiment_id: id, name: dataset, digest, context };
        summaries.set(JSON.stringify(summary), summary);
      }
  }
  return { dataset_summaries: [...summaries.values()].slice(0, summariesMax) };
}

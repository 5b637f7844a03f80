import { Readable } from 'node:stream';
import type { Dataset } from '#libs/domain/event.js';
import { fileTags, isFileTag } from '#libs/runs/dataset-texts.js';
import { parseJson } from '../../http/read-json.js';
import type { Answer, Call } from './call.js';
import type { Said } from '../shared/command-log.js';
import type { Fields } from './fields.js';
import { invalid } from './mlflow-error.js';
import { checkRunId, commands, runIdOf } from './runs.js';

const charsMax = { name: 500, digest: 36, source: 65_535, schema: 1_048_575, profile: 16_777_215 } as const;

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

/** Texts of one record of the log, well below what it may hold. */
const charsPerRecordMax = 200_000;
const charsInRecordMax = 50_000;

/** What is too long for the log is a file, and a tag says which. */
async function kept({ world }: Call, run: string, dataset: Dataset): Promise<{ dataset: Dataset; events: Said[] }> {
  const events: Said[] = [];
  const tags = Object.fromEntries(Object.entries(dataset.tags).filter(([key]) => !isFileTag(key)));
  const texts = { schema: dataset.schema, profile: dataset.profile };
  for (const name of ['schema', 'profile'] as const) {
    if (texts[name].length <= charsInRecordMax) continue;
    const stat = await world.backend.artifactStore.put(Readable.from([Buffer.from(texts[name])]));
    const path = `datasets/${run}/${stat.digest.replace(':', '-')}`;
    const data = { world: world.name, path, ...stat, mime: 'application/json', artifact: '' };
    events.push({ name: 'FileStored', subject: run, data });
    tags[fileTags[name]] = stat.digest;
    texts[name] = '';
  }
  return { dataset: { ...dataset, ...texts, tags }, events };
}

const charsOf = (dataset: Dataset): number => JSON.stringify(dataset).length;

function recordsOf(datasets: readonly Dataset[]): readonly Dataset[][] {
  const records: Dataset[][] = [];
  let chars = Infinity;
  for (const dataset of datasets) {
    if (chars + charsOf(dataset) > charsPerRecordMax) {
      records.push([]);
      chars = 0;
    }
    records.at(-1)!.push(dataset);
    chars += charsOf(dataset);
  }
  return records.length === 0 ? [[]] : records;
}

export async function logInputs(call: Call): Promise<Answer> {
  const { world, fields } = call;
  const id = runIdOf(fields);
  const given = fields.objects('datasets').map(readDataset);
  const models = fields.objects('models').map((model) => checkRunId(model.required('model_id')));
  await world.writable(id);
  const datasets: Dataset[] = [];
  for (const dataset of given) {
    const { dataset: short, events } = await kept(call, id, dataset);
    await world.log.tell(...events);
    datasets.push(short);
  }
  for (const [index, some] of recordsOf(datasets).entries()) {
    const data = { datasets: some, models: index === 0 ? models : [] };
    await commands(world, id, [{ name: 'InputsLogged', subject: id, data }]);
  }
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
      shown: null,
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

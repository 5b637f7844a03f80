import { artifactLocation, locationTag } from '#libs/domain/artifact-location.js';
import { isOwnTag } from '#libs/domain/own-tags.js';
import { Rejection } from '#libs/domain/rejection.js';
import { given } from '#libs/domain/run-fold-facts.js';
import type { View } from '#libs/runs/tracking-tables.js';
import { pageOf, type Answer, type Call } from './call.js';
import type { Experiment, World } from './world.js';
import { filterRows, orderRows, type Column } from '#libs/runs/search/listing.js';
import { MlflowError, invalid, missing } from './mlflow-error.js';
import { checkName, mlflowLimits } from './names.js';

function write(experiment: Experiment): Answer {
  const tags = Object.entries(experiment.tags).filter(([key]) => key !== locationTag && !isOwnTag(key));
  return {
    experiment_id: String(experiment.number),
    name: experiment.title,
    artifact_location: artifactLocation(experiment),
    lifecycle_stage: experiment.deleted ? 'deleted' : 'active',
    last_update_time: experiment.updatedAt,
    creation_time: experiment.createdAt,
    ...(tags.length > 0 ? { tags: tags.map(([key, value]) => ({ key, value })) } : {}),
  };
}

function checkTitle(title: string, path: string): string {
  if (title.trim() === '') throw invalid(`Invalid experiment name: '${title}'`);
  if (title.length > mlflowLimits.experimentNameCharsMax)
    throw invalid(`'${path}' exceeds the maximum length of ${mlflowLimits.experimentNameCharsMax} characters`);
  return title;
}

function experimentTag(key: string, value: string): readonly [string, string] {
  checkName('tag', 'key', key);
  if (value.length > mlflowLimits.experimentTagValueCharsMax)
    throw invalid(`'value' exceeds the maximum length of ${mlflowLimits.experimentTagValueCharsMax} characters`);
  return [key, value];
}

export async function createExperiment({ world, fields }: Call): Promise<Answer> {
  const title = checkTitle(fields.required('name'), 'name');
  const tags = new Map(fields.pairs('tags').map(({ key, value }) => experimentTag(key, value)));
  const location = fields.text('artifact_location');
  if (location.startsWith('runs:')) throw invalid(`Artifact location cannot be a runs:/ URI. Given: '${location}'`);
  if (location !== '') tags.set(locationTag, location.replace(/\/+$/, ''));
  const exists = (known: Experiment | null) =>
    new MlflowError(
      'RESOURCE_ALREADY_EXISTS',
      known?.deleted === true
        ? `Experiment '${title}' already exists in deleted state. You can restore the experiment, or permanently delete the experiment from the .trash folder (under tracking server's root folder) in order to use this experiment name again.`
        : `Experiment(name=${title}) already exists.`,
    );
  const known = await world.experimentNamed(title);
  if (known) throw exists(known);
  const data = { description: '', tags: Object.fromEntries(tags), world: world.name, title };
  try {
    await world.log.command({ name: 'ProjectCreated', subject: await world.keyFor(title), data });
  } catch (error) {
    if (error instanceof Rejection && error.code === 'ALREADY_EXISTS') throw exists(null);
    throw error;
  }
  world.experimentsChanged();
  const created = await world.experimentNamed(title);
  return { experiment_id: String(created!.number) };
}

export async function getExperiment({ world, fields }: Call): Promise<Answer> {
  return { experiment: write(await world.experiment(fields.required('experiment_id'))) };
}

export async function getExperimentByName({ world, fields }: Call): Promise<Answer> {
  const name = fields.required('experiment_name');
  const experiment = await world.experimentNamed(name);
  if (!experiment) throw missing(`Could not find experiment with name '${name}'`);
  return { experiment: write(experiment) };
}

const columns: Readonly<Record<string, Column<Experiment>>> = {
  name: { type: 'text', of: ({ title }) => title },
  experiment_id: { type: 'text', of: ({ number }) => String(number) },
  creation_time: { type: 'number', of: ({ createdAt }) => createdAt },
  last_update_time: { type: 'number', of: ({ updatedAt }) => updatedAt },
};

export async function searchExperiments({ world, fields }: Call): Promise<Answer> {
  const max = fields.whole('max_results');
  if (max === null || max < 1 || max > mlflowLimits.searchResultsMax)
    throw invalid(
      `Invalid value ${max ?? 0} for parameter 'max_results' supplied. It must be a positive integer, but at most ${mlflowLimits.searchResultsMax}`,
    );
  const view = viewOf(fields.choice('view_type'));
  const all = await world.experiments();
  const seen = all.filter(({ deleted }) => view === 'all' || deleted === (view === 'deleted'));
  const kinds = { attribute: columns, tag: ({ tags }: Experiment, key: string) => given(tags, key) };
  const matching = filterRows(seen, fields.text('filter'), kinds);
  const ordered = orderRows(matching, fields.texts('order_by'), columns, ['creation_time DESC', 'experiment_id ASC']);
  const { rows, token } = pageOf(ordered, max, fields.text('page_token'));
  return { experiments: rows.map(write), ...(token === null ? {} : { next_page_token: token }) };
}

export function viewOf(text: string): View {
  switch (text) {
    case '':
    case 'ACTIVE_ONLY':
    case '1':
      return 'active';
    case 'DELETED_ONLY':
    case '2':
      return 'deleted';
    case 'ALL':
    case '3':
      return 'all';
    default:
      throw invalid(`Invalid value '${text}' for parameter 'view_type' supplied.`);
  }
}

async function change(
  world: World,
  experiment: Experiment,
  event: Parameters<typeof world.log.command>[0],
): Promise<Answer> {
  await world.born(experiment);
  await world.log.command(event);
  world.experimentsChanged();
  return {};
}

export async function deleteExperiment({ world, fields }: Call): Promise<Answer> {
  const id = fields.required('experiment_id');
  const experiment = await world.experiment(id);
  if (experiment.deleted) throw missing(`No Experiment with id=${id} exists`);
  return change(world, experiment, { name: 'ProjectDeleted', subject: experiment.name, data: {} });
}

/** Brings back all runs as well, those deleted one by one before included. */
export async function restoreExperiment({ world, fields }: Call): Promise<Answer> {
  const id = fields.required('experiment_id');
  const experiment = await world.experiment(id);
  if (!experiment.deleted) throw missing(`No Experiment with id=${id} exists`);
  await change(world, experiment, { name: 'ProjectRestored', subject: experiment.name, data: {} });
  await world.log.settled();
  const scope = { projects: [experiment.name], deletedProjects: [], view: 'deleted' } as const;
  for (;;) {
    const deleted = await world.backend.tracking.search({
      ...scope,
      filter: null,
      source: '',
      orders: [],
      shown: null,
      limit: 999,
      offset: 0,
    });
    if (deleted.length === 0) break;
    await world.log.tell(
      ...deleted.map(({ state }) => ({ name: 'RunRestored' as const, subject: state.id, data: {} })),
    );
    await world.log.settled();
  }
  return {};
}

export async function updateExperiment({ world, fields }: Call): Promise<Answer> {
  const experiment = await world.experiment(fields.required('experiment_id'));
  const title = fields.text('new_name');
  if (title === '') return {};
  checkTitle(title, 'new_name');
  if (experiment.deleted) throw invalid('Cannot rename a non-active experiment.');
  try {
    return await change(world, experiment, { name: 'ProjectRenamed', subject: experiment.name, data: { title } });
  } catch (error) {
    if (error instanceof Rejection && error.code === 'ALREADY_EXISTS')
      throw new MlflowError('RESOURCE_ALREADY_EXISTS', `Experiment(name=${title}) already exists.`);
    throw error;
  }
}

export async function setExperimentTag({ world, fields }: Call): Promise<Answer> {
  const id = fields.required('experiment_id');
  const [key, value] = experimentTag(fields.required('key'), fields.text('value'));
  const experiment = await world.active(id);
  return change(world, experiment, {
    name: 'ProjectTagsSet',
    subject: experiment.name,
    data: { tags: { [key]: value }, removed: [] },
  });
}

export async function deleteExperimentTag({ world, fields }: Call): Promise<Answer> {
  const id = fields.required('experiment_id');
  const key = fields.required('key');
  const experiment = await world.active(id);
  if (!Object.hasOwn(experiment.tags, key)) throw missing(`No tag with name: ${key} in experiment with id ${id}`);
  return change(world, experiment, {
    name: 'ProjectTagsSet',
    subject: experiment.name,
    data: { tags: {}, removed: [key] },
  });
}

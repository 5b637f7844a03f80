import { modelLocation } from '#libs/domain/artifact-location.js';
import { stages, type ModelVersionState, type RegisteredModelState, type Stage } from '#libs/domain/registry-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import { given } from '#libs/domain/run-fold-facts.js';
import { pageOf, type Answer, type Call } from './call.js';
import type { World } from './door.js';
import type { Said } from './door-log.js';
import type { Fields } from './fields.js';
import { filterRows, orderRows, type Column } from '#libs/runs/search/listing.js';
import { change as changeLoggedModel, loggedModel } from './logged-models.js';
import { MlflowError, invalid, missing } from './mlflow-error.js';
import { checkName, mlflowLimits } from './names.js';
import { writePairs } from './run-answers.js';

interface Entry {
  readonly model: RegisteredModelState;
  readonly versions: readonly ModelVersionState[];
}

const aliasesOf = ({ aliases }: RegisteredModelState, version: number): readonly string[] =>
  Object.entries(aliases).flatMap(([alias, number]) => (number === version ? [alias] : []));

function writeVersion(version: ModelVersionState, model: RegisteredModelState | undefined): Answer {
  return {
    name: version.name,
    version: String(version.version),
    creation_timestamp: version.createdAt,
    last_updated_timestamp: version.updatedAt,
    current_stage: version.stage,
    description: version.description,
    source: version.source,
    run_id: version.run,
    status: 'READY',
    ...(version.loggedModel === '' ? {} : { model_id: version.loggedModel }),
    tags: writePairs(Object.entries(version.tags)),
    aliases: model ? aliasesOf(model, version.version) : [],
  };
}

/** The newest version of each stage. */
const latest = (versions: readonly ModelVersionState[]): readonly ModelVersionState[] => [
  ...new Map(versions.map((version) => [version.stage, version])).values(),
];

function writeModel({ model, versions }: Entry): Answer {
  return {
    name: model.name,
    creation_timestamp: model.createdAt,
    last_updated_timestamp: model.updatedAt,
    description: model.description,
    latest_versions: latest(versions).map((version) => writeVersion(version, model)),
    tags: writePairs(Object.entries(model.tags)),
    aliases: Object.entries(model.aliases).map(([alias, version]) => ({ alias, version: String(version) })),
  };
}

function checkModelName(name: string, path = 'name'): string {
  if (name === '') throw invalid(`Missing value for required parameter '${path}'.`);
  if (/[/:]/.test(name)) throw invalid(`Invalid model name '${name}'. Names cannot contain '/' or ':'.`);
  if (name.length > 256) throw invalid(`'${path}' exceeds the maximum length of 256 characters`);
  return name;
}
function registryTag({ key, value }: { key: string; value: string }): readonly [string, string] {
  checkName('tag', 'key', key);
  if (value.length > mlflowLimits.registryTagValueCharsMax)
    throw invalid(`'value' exceeds the maximum length of ${mlflowLimits.registryTagValueCharsMax} characters`);
  return [key, value];
}
const tagsFrom = (fields: Fields): Record<string, string> => Object.fromEntries(fields.pairs('tags').map(registryTag));

async function entryOf(world: World, name: string): Promise<Entry> {
  await world.log.catalogSettled();
  const model = await world.backend.registry.model(world.name, name);
  if (!model) throw missing(`Registered Model with name=${name} not found`);
  return { model, versions: await world.backend.registry.versions(world.name, name) };
}

function versionNumber(fields: Fields): number {
  const text = fields.has('version') ? String(fields.whole('version')) : '';
  if (text === '') throw invalid("Missing value for required parameter 'version'.");
  return Number(text);
}
async function versionOf(world: World, fields: Fields): Promise<{ entry: Entry; version: ModelVersionState }> {
  const name = checkModelName(fields.text('name'));
  const number = versionNumber(fields);
  const entry = await entryOf(world, name).catch((error: unknown) => {
    throw error instanceof MlflowError && error.code === 'RESOURCE_DOES_NOT_EXIST' ? noVersion(name, number) : error;
  });
  const version = entry.versions.find((each) => each.version === number);
  if (!version) throw noVersion(name, number);
  return { entry, version };
}
const noVersion = (name: string, version: number): MlflowError =>
  missing(`Model Version (name=${name}, version=${version}) not found`);

async function command(world: World, event: Said): Promise<number | null> {
  try {
    return await world.log.command(event);
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    const data = event.data as { name: string; newName?: string; version?: number };
    if (error.code === 'ALREADY_EXISTS')
      throw new MlflowError(
        'RESOURCE_ALREADY_EXISTS',
        `Registered Model (name=${data.newName ?? data.name}) already exists.`,
      );
    if (error.code === 'NOT_FOUND' && error.field === 'data.version') throw noVersion(data.name, data.version ?? NaN);
    if (error.code === 'NOT_FOUND') throw missing(`Registered Model with name=${data.name} not found`);
    throw error;
  }
}

type ModelChange = Partial<Said<'RegisteredModelChanged'>['data']>;
async function changeModel(world: World, name: string, change: ModelChange): Promise<void> {
  const nothing = { description: '', hasDescription: false, tags: {}, removed: [], aliases: {}, aliasesRemoved: [] };
  const data = { world: world.name, name, ...nothing, ...change };
  await command(world, { name: 'RegisteredModelChanged', subject: name, data });
}
type VersionChange = Partial<Said<'ModelVersionChanged'>['data']>;
async function changeVersion(world: World, { name, version }: ModelVersionState, change: VersionChange): Promise<void> {
  const nothing = { description: '', hasDescription: false, tags: {}, removed: [], stage: '', archiveOthers: false };
  const data = { world: world.name, name, version, ...nothing, ...change };
  await command(world, { name: 'ModelVersionChanged', subject: name, data });
}

export async function createRegisteredModel({ world, fields }: Call): Promise<Answer> {
  const name = checkModelName(fields.text('name'));
  const data = { world: world.name, name, description: fields.text('description'), tags: tagsFrom(fields) };
  await command(world, { name: 'RegisteredModelCreated', subject: name, data });
  return { registered_model: writeModel(await entryOf(world, name)) };
}

export async function getRegisteredModel({ world, fields }: Call): Promise<Answer> {
  return { registered_model: writeModel(await entryOf(world, checkModelName(fields.text('name')))) };
}

export async function renameRegisteredModel({ world, fields }: Call): Promise<Answer> {
  const name = checkModelName(fields.text('name'));
  const newName = checkModelName(fields.text('new_name'), 'new_name');
  await command(world, { name: 'RegisteredModelRenamed', subject: name, data: { world: world.name, name, newName } });
  return { registered_model: writeModel(await entryOf(world, newName)) };
}

export async function updateRegisteredModel({ world, fields }: Call): Promise<Answer> {
  const name = checkModelName(fields.text('name'));
  await changeModel(world, name, { description: fields.text('description'), hasDescription: true });
  return { registered_model: writeModel(await entryOf(world, name)) };
}

export async function deleteRegisteredModel({ world, fields }: Call): Promise<Answer> {
  const name = checkModelName(fields.text('name'));
  await command(world, { name: 'RegisteredModelDeleted', subject: name, data: { world: world.name, name } });
  return {};
}

export async function setRegisteredModelTag({ world, fields }: Call): Promise<Answer> {
  const name = checkModelName(fields.text('name'));
  const [key, value] = registryTag({ key: fields.required('key'), value: fields.text('value') });
  await changeModel(world, name, { tags: { [key]: value } });
  return {};
}
export async function deleteRegisteredModelTag({ world, fields }: Call): Promise<Answer> {
  await changeModel(world, checkModelName(fields.text('name')), { removed: [fields.required('key')] });
  return {};
}

export async function setAlias({ world, fields }: Call): Promise<Answer> {
  const name = checkModelName(fields.text('name'));
  const alias = fields.text('alias');
  if (alias === '') throw invalid('Registered model alias name cannot be empty.');
  if (alias.length > 255) throw invalid("'alias' exceeds the maximum length of 255 characters");
  if (!/^[\p{L}\p{N}_-]*$/u.test(alias))
    throw invalid(
      `Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_) and dashes (-).`,
    );
  if (alias.toLowerCase() === 'latest') throw invalid("'latest' alias name (case insensitive) is reserved.");
  if (/^v\d+$/i.test(alias))
    throw invalid(
      `Version alias name '${alias}' is reserved. Registered model aliases cannot be of the form 'v<number>'.`,
    );
  const { version } = await versionOf(world, fields);
  await changeModel(world, name, { aliases: { [alias]: String(version.version) } });
  return {};
}
export async function deleteAlias({ world, fields }: Call): Promise<Answer> {
  await changeModel(world, checkModelName(fields.text('name')), { aliasesRemoved: [fields.required('alias')] });
  return {};
}
export async function getByAlias({ world, fields }: Call): Promise<Answer> {
  const alias = fields.required('alias');
  const { model, versions } = await entryOf(world, checkModelName(fields.text('name')));
  const number = alias.toLowerCase() === 'latest' ? versions.at(-1)?.version : given(model.aliases, alias);
  const version = versions.find((each) => each.version === number);
  if (!version) throw invalid(`Registered model alias ${alias} not found.`);
  return { model_version: writeVersion(version, model) };
}

const sourceRule =
  'If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.';

/** Where the files of a source are, and what made them. */
async function resolveSource(
  world: World,
  source: string,
  fields: Fields,
): Promise<{ location: string; run: string; loggedModel: string }> {
  const given = { run: fields.text('run_id'), loggedModel: fields.text('model_id') };
  const id = /^models:\/(m-[0-9a-f]{32})$/.exec(source)?.[1];
  if (id !== undefined) {
    const { model, experiment } = await loggedModel(world, id).catch(() => {
      throw invalid(`Unable to fetch model from model URI source artifact location '${source}'.`);
    });
    return { location: modelLocation(experiment, id), run: given.run || model.run, loggedModel: id };
  }
  const copied = /^models:\/([^/]+)\/(\d+)$/.exec(source);
  if (copied) {
    const version = (await world.backend.registry.versions(world.name, decodeURIComponent(copied[1]!))).find(
      (each) => each.version === Number(copied[2]),
    );
    if (!version) throw invalid(`Unable to fetch model from model URI source artifact location '${source}'.`);
    return { location: version.location, run: given.run, loggedModel: given.loggedModel || version.loggedModel };
  }
  if (/(^|[/\\])\.\.([/\\]|$)/.test(decodeURIComponent(source.replaceAll(/%(?![0-9a-f]{2})/gi, '%25'))))
    throw invalid(`Invalid model version source: '${source}'. ${sourceRule}`);
  if (/^(\/|file:|[a-z]:\\)/i.test(source))
    throw invalid(
      `Invalid model version source: '${source}'. To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.`,
    );
  return { location: source, ...given };
}

export async function createModelVersion({ world, fields }: Call): Promise<Answer> {
  const name = checkModelName(fields.text('name'));
  const source = fields.required('source');
  await world.log.catalogSettled();
  const resolved = await resolveSource(world, source, fields);
  const data = {
    world: world.name,
    name,
    source,
    ...resolved,
    description: fields.text('description'),
    tags: tagsFrom(fields),
  };
  const number = await command(world, { name: 'ModelVersionCreated', subject: name, data });
  if (resolved.loggedModel !== '') await noteVersion(world, resolved.loggedModel, name, number!);
  const { model, versions } = await entryOf(world, name);
  return {
    model_version: writeVersion(
      versions.find(({ version }) => version === number)!,
      model,
    ),
  };
}

const versionsTag = 'mlflow.modelVersions';

/** A logged model carries the list of its versions in a tag. */
async function noteVersion(world: World, id: string, name: string, version: number): Promise<void> {
  const { model } = await loggedModel(world, id);
  const known: unknown = JSON.parse(model.tags[versionsTag] ?? '[]');
  const list = [...(Array.isArray(known) ? (known as unknown[]) : []), { name, version }];
  await changeLoggedModel(world, id, { tags: { [versionsTag]: JSON.stringify(list) } });
}

export async function getModelVersion({ world, fields }: Call): Promise<Answer> {
  const { entry, version } = await versionOf(world, fields);
  return { model_version: writeVersion(version, entry.model) };
}
export async function updateModelVersion({ world, fields }: Call): Promise<Answer> {
  const { version } = await versionOf(world, fields);
  await changeVersion(world, version, { description: fields.text('description'), hasDescription: true });
  return getModelVersion({ world, fields, path: [], body: new Uint8Array(0) });
}
export async function deleteModelVersion({ world, fields }: Call): Promise<Answer> {
  const { version } = await versionOf(world, fields);
  const { name } = version;
  const data = { world: world.name, name, version: version.version };
  await command(world, { name: 'ModelVersionDeleted', subject: name, data });
  return {};
}
export async function setModelVersionTag({ world, fields }: Call): Promise<Answer> {
  const { version } = await versionOf(world, fields);
  const [key, value] = registryTag({ key: fields.required('key'), value: fields.text('value') });
  await changeVersion(world, version, { tags: { [key]: value } });
  return {};
}
export async function deleteModelVersionTag({ world, fields }: Call): Promise<Answer> {
  const { version } = await versionOf(world, fields);
  await changeVersion(world, version, { removed: [fields.required('key')] });
  return {};
}
export async function getDownloadUri({ world, fields }: Call): Promise<Answer> {
  const { version } = await versionOf(world, fields);
  return { artifact_uri: version.location };
}

function readStage(text: string): Stage {
  const stage = stages.find((name) => name.toLowerCase() === text.toLowerCase());
  if (!stage) throw invalid(`Invalid Model Version stage: ${text}. Value must be one of ${stages.join(', ')}.`);
  return stage;
}

export async function transitionStage({ world, fields }: Call): Promise<Answer> {
  const stage = readStage(fields.required('stage'));
  const archiveOthers = fields.flag('archive_existing_versions');
  if (archiveOthers && stage !== 'Staging' && stage !== 'Production')
    throw invalid(
      `Model version transition cannot archive existing model versions because '${stage}' is not an Active stage. Valid stages are Production, Staging`,
    );
  const { version } = await versionOf(world, fields);
  await changeVersion(world, version, { stage, archiveOthers });
  return getModelVersion({ world, fields, path: [], body: new Uint8Array(0) });
}

export async function getLatestVersions({ world, fields }: Call): Promise<Answer> {
  const wanted = new Set(fields.texts('stages').map(readStage));
  const { model, versions } = await entryOf(world, checkModelName(fields.text('name')));
  const found = latest(versions).filter(({ stage }) => wanted.size === 0 || wanted.has(stage));
  return { model_versions: found.map((version) => writeVersion(version, model)) };
}

const promptTag = 'mlflow.prompt.is_prompt';
type Tags = Readonly<Record<string, string>>;
/** Prompts are models with a tag: listed only for who asks by it. */
const listed = (filter: string): ((tags: Tags) => boolean) =>
  filter.includes(promptTag) ? () => true : (tags) => given(tags, promptTag) !== 'true';
const listedTag = (tags: Tags, key: string): string | undefined =>
  given(tags, key) ?? (key === promptTag ? 'false' : undefined);

const modelColumns: Readonly<Record<string, Column<Entry>>> = {
  name: { type: 'text', of: ({ model }) => model.name },
  timestamp: { type: 'number', of: ({ model }) => model.updatedAt },
  last_updated_timestamp: { type: 'number', of: ({ model }) => model.updatedAt },
  creation_timestamp: { type: 'number', of: ({ model }) => model.createdAt },
};

function readMax(fields: Fields, usual: number, most: number): number {
  const max = fields.whole('max_results') ?? usual;
  if (max < 1) throw invalid(`Invalid value for max_results. It must be a positive integer, but got ${max}`);
  if (max > most)
    throw invalid(`Invalid value for request parameter max_results. It must be at most ${most}, but got value ${max}`);
  return max;
}

export async function searchRegisteredModels({ world, fields }: Call): Promise<Answer> {
  const max = readMax(fields, 100, 1_000);
  await world.log.catalogSettled();
  const { registry } = world.backend;
  const [models, versions] = await Promise.all([registry.models(world.name), registry.versions(world.name)]);
  const byName = new Map<string, ModelVersionState[]>(models.map(({ name }) => [name, []]));
  for (const version of versions) byName.get(version.name)?.push(version);
  const entries = models.map((model): Entry => ({ model, versions: byName.get(model.name)! }));
  const filter = fields.text('filter');
  const shown = listed(filter);
  const matching = filterRows(
    entries.filter(({ model }) => shown(model.tags)),
    filter,
    {
      attribute: { name: modelColumns['name']! },
      tag: ({ model }, key) => listedTag(model.tags, key),
      absentTagDiffers: true,
    },
  );
  const ordered = orderRows(matching, fields.texts('order_by'), modelColumns, ['name ASC']);
  const { rows, token } = pageOf(ordered, max, fields.text('page_token'));
  return { registered_models: rows.map(writeModel), ...(token === null ? {} : { next_page_token: token }) };
}

const versionColumns: Readonly<Record<string, Column<ModelVersionState>>> = {
  name: { type: 'text', of: ({ name }) => name },
  version_number: { type: 'number', of: ({ version }) => version },
  run_id: { type: 'text', of: ({ run }) => run },
  source_path: { type: 'text', of: ({ source }) => source },
  creation_timestamp: { type: 'number', of: ({ createdAt }) => createdAt },
  last_updated_timestamp: { type: 'number', of: ({ updatedAt }) => updatedAt },
};

export async function searchModelVersions({ world, fields }: Call): Promise<Answer> {
  const max = readMax(fields, 200_000, 200_000);
  await world.log.catalogSettled();
  const { registry } = world.backend;
  const [models, versions] = await Promise.all([registry.models(world.name), registry.versions(world.name)]);
  const byName = new Map(models.map((model) => [model.name, model]));
  const filter = fields.text('filter');
  const shown = listed(filter);
  const matching = filterRows(
    versions.filter(({ tags }) => shown(tags)),
    filter,
    { attribute: versionColumns, tag: ({ tags }, key) => listedTag(tags, key) },
  );
  const usual = ['last_updated_timestamp DESC', 'name ASC', 'version_number DESC'];
  const ordered = orderRows(matching, fields.texts('order_by'), versionColumns, usual);
  const { rows, token } = pageOf(ordered, max, fields.text('page_token'));
  return {
    model_versions: rows.map((version) => writeVersion(version, byName.get(version.name))),
    ...(token === null ? {} : { next_page_token: token }),
  };
}

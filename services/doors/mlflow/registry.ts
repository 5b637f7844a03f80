import { modelLocation } from '#libs/domain/artifact-location.js';
import { stages, type ModelVersionState, type RegisteredModelState, type Stage } from '#libs/domain/registry-fold.js';
import { Rejection } from '#libs/domain/rejection.js';
import { given } from '#libs/domain/run-fold-facts.js';
import type { Answer, Call } from './call.js';
import type { World } from './world.js';
import type { Said } from '../shared/command-log.js';
import type { Fields } from './fields.js';
import { change as changeLoggedModel, loggedModel } from './logged-models.js';
import { MlflowError, invalid, missing } from './mlflow-error.js';
import { checkName, mlflowLimits } from './names.js';
import { writePairs } from './run-answers.js';

export interface Entry {
  readonly model: RegisteredModelState;
  readonly versions: readonly ModelVersionState[];
}

const aliasesOf = ({ aliases }: RegisteredModelState, version: number): readonly string[] =>
  Object.entries(aliases).flatMap(([alias, number]) => (number === version ? [alias] : []));

export function writeVersion(version: ModelVersionState, model: RegisteredModelState | undefined): Answer {
  const aliases = model ? aliasesOf(model, version.version) : [];
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
    aliases,
  };
}

/** The newest version of each stage. */
const latest = (versions: readonly ModelVersionState[]): readonly ModelVersionState[] => [
  ...new Map(versions.map((version) => [version.stage, version])).values(),
];

export function writeModel({ model, versions }: Entry): Answer {
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

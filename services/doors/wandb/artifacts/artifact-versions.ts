import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { ModelVersionState, RegisteredModelState } from '#libs/domain/registry-fold.js';
import type { World } from '../world.js';
import { collectionNameOf, modelNameOf, readArtifactName, worldFor } from './artifact-names.js';
import { recordOf } from './artifact-records.js';

/** What a version's artifact is, beside what the registry has of every version. */
export const versionTags = {
  type: 'type',
  digest: 'digest',
  metadata: 'metadata',
  size: 'size',
  files: 'files',
  step: 'step',
  ttl: 'ttl',
} as const;
/** Before what people call a version or a collection. */
export const tagPrefix = 'tag:';

/** A collection of artifacts is a registered model in a world of its own: the log numbers its versions and keeps their aliases. */
export interface Collection {
  readonly world: World;
  readonly project: ProjectState;
  readonly name: string;
  readonly model: RegisteredModelState;
  readonly versions: readonly ModelVersionState[];
}
export interface Version {
  readonly of: Collection;
  readonly state: ModelVersionState;
}

export const typeOf = ({ model }: Collection): string => model.tags[versionTags.type] ?? '';

export async function findCollection(world: World, project: ProjectState, name: string): Promise<Collection | null> {
  await world.log.catalogSettled();
  const { registry } = world.backend;
  const [place, modelName] = [worldFor('artifacts', world.name), modelNameOf(project, name)];
  const model = await registry.model(place, modelName);
  return model && { world, project, name, model, versions: await registry.versions(place, modelName) };
}

/** Those of a project, by name. */
export async function collectionsOf(world: World, project: ProjectState): Promise<readonly Collection[]> {
  await world.log.catalogSettled();
  const { registry } = world.backend;
  const place = worldFor('artifacts', world.name);
  const models = (await registry.models(place)).filter(
    ({ name }) => name === modelNameOf(project, collectionNameOf(name)),
  );
  const versions = new Map<string, ModelVersionState[]>(models.map(({ name }) => [name, []]));
  for (const version of await registry.versions(place)) versions.get(version.name)?.push(version);
  return models.map((model) => {
    const own = versions.get(model.name)!.toSorted((a, b) => a.version - b.version);
    return { world, project, name: collectionNameOf(model.name), model, versions: own };
  });
}

/** Its number, an alias, or the last one where nobody says what the latest is. */
export function versionOf(of: Collection, alias: string): Version | null {
  const index = /^v(\d{1,9})$/.exec(alias)?.[1];
  const { aliases } = of.model;
  const number = index === undefined ? (Object.hasOwn(aliases, alias) ? aliases[alias] : undefined) : Number(index) + 1;
  const state =
    of.versions.find(({ version }) => version === number) ??
    (alias === 'latest' && number === undefined ? of.versions.at(-1) : undefined);
  return state ? { of, state } : null;
}
export const latestOf = (of: Collection): Version | null => versionOf(of, 'latest');

export async function versionNamed(world: World, project: ProjectState, name: string): Promise<Version | null> {
  const { collection, alias } = readArtifactName(name);
  const of = await findCollection(world, project, collection);
  return of && versionOf(of, alias);
}

/** The version that an artifact became; null while it is not committed, and when it was deleted. */
export async function versionOfArtifact(world: World, id: string): Promise<Version | null> {
  const said = await recordOf(world, id);
  const project = await world.findProject(({ name }) => name === said.project);
  const of = project && (await findCollection(world, project, said.collection));
  const state = of?.versions.find(({ source }) => source === (said.sameAs ?? id));
  return of && state ? { of, state } : null;
}

export const aliasesOf = ({ of, state }: Version): readonly string[] =>
  Object.entries(of.model.aliases).flatMap(([alias, version]) => (version === state.version ? [alias] : []));
export const tagsOf = (tags: Readonly<Record<string, string>>): readonly string[] =>
  Object.keys(tags).flatMap((key) => (key.startsWith(tagPrefix) ? [key.slice(tagPrefix.length)] : []));

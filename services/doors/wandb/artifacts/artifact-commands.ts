import { Rejection } from '#libs/domain/rejection.js';
import type { World } from '../world.js';
import { checkAlias, checkMetadata, checkTag, noArtifact } from './artifact-names.js';
import { recordOf, saveRecord } from './artifact-records.js';
import { changeCollection, setAliases } from './commit-artifact.js';
import {
  aliasesOf,
  tagPrefix,
  versionOfArtifact,
  versionTags,
  type Collection,
  type Version,
} from './artifact-versions.js';

export interface AliasInput {
  readonly alias: string;
  readonly artifactCollectionName?: string | null;
}
export interface TagInput {
  readonly tagName: string;
}
export interface UpdateArtifactInput {
  readonly artifactID: string;
  readonly description?: string | null;
  readonly metadata?: string | null;
  readonly ttlDurationSeconds?: number | null;
  readonly aliases?: readonly AliasInput[] | null;
  readonly tagsToAdd?: readonly TagInput[] | null;
  readonly tagsToDelete?: readonly TagInput[] | null;
}

export async function committed(world: World, id: string): Promise<Version> {
  const version = await versionOfArtifact(world, id);
  if (!version) throw noArtifact(id);
  return version;
}

export async function addAliases(world: World, id: string, aliases: readonly AliasInput[]): Promise<void> {
  const version = await committed(world, id);
  await setAliases(version, own(version, aliases));
}

export async function deleteAliases(world: World, id: string, aliases: readonly AliasInput[]): Promise<void> {
  const version = await committed(world, id);
  const has = new Set(aliasesOf(version));
  const aliasesRemoved = own(version, aliases).filter((alias) => has.has(alias));
  if (aliasesRemoved.length > 0) await changeCollection(world, version.state, { aliasesRemoved });
}

/** Aliases of other collections are for what is linked there, which this server does not have. */
function own({ of }: Version, aliases: readonly AliasInput[]): readonly string[] {
  return aliases.map(({ alias, artifactCollectionName: name }) => {
    if (name && name !== of.name)
      throw new Rejection(
        'INVALID_ARGUMENT',
        `aliases: the artifact is not in the collection "${name.slice(0, 100)}"`,
        'aliases',
      );
    return checkAlias(alias);
  });
}

export async function updateArtifact(world: World, input: UpdateArtifactInput): Promise<Version> {
  const version = await committed(world, input.artifactID);
  const { description, metadata, ttlDurationSeconds: ttl } = input;
  const tags: Record<string, string> = {};
  if (typeof metadata === 'string') tags[versionTags.metadata] = checkMetadata(metadata) ?? '{}';
  if (typeof ttl === 'number') tags[versionTags.ttl] = String(ttl);
  for (const { tagName } of input.tagsToAdd ?? []) tags[`${tagPrefix}${checkTag(tagName)}`] = '';
  const removed = (input.tagsToDelete ?? []).map(({ tagName }) => `${tagPrefix}${checkTag(tagName)}`);
  const { state } = version;
  const data = {
    ...{ world: state.world, name: state.name, version: state.version },
    ...{ description: description ?? '', hasDescription: typeof description === 'string' },
    ...{ tags, removed, stage: '', archiveOthers: false },
  };
  await world.log.decide({ name: 'ModelVersionChanged', subject: state.name, data });
  if (input.aliases) await replaceAliases(version, own(version, input.aliases));
  return committed(world, input.artifactID);
}

async function replaceAliases(version: Version, wanted: readonly string[]): Promise<void> {
  await setAliases(version, wanted);
  const aliasesRemoved = aliasesOf(version).filter((alias) => !wanted.includes(alias));
  if (aliasesRemoved.length > 0) await changeCollection(version.of.world, version.state, { aliasesRemoved });
}

/** Its number is not given again. Who was the latest is followed by the one before. */
export async function deleteArtifact(world: World, id: string, withAliases: boolean): Promise<Version> {
  const version = await committed(world, id);
  const aliases = aliasesOf(version);
  if (aliases.length > 0 && !withAliases)
    throw new Rejection(
      'INVALID_TRANSITION',
      `the artifact has the aliases ${aliases.join(', ')}: delete them first, or with it`,
      'deleteAliases',
    );
  const { world: place, name, version: number } = version.state;
  await world.log.decide({ name: 'ModelVersionDeleted', subject: name, data: { world: place, name, version: number } });
  await markDeleted(version);
  const next = version.of.versions.findLast((each) => each.version !== number);
  if (aliases.includes('latest') && next) await setAliases({ of: version.of, state: next }, ['latest']);
  return version;
}

export async function deleteCollection(of: Collection): Promise<void> {
  const { world, name } = of.model;
  await of.world.log.decide({ name: 'RegisteredModelDeleted', subject: name, data: { world, name } });
  for (const state of of.versions) await markDeleted({ of, state });
}

async function markDeleted({ of, state }: Version): Promise<void> {
  await saveRecord(of.world, { ...(await recordOf(of.world, state.source)), deleted: true });
}

import { Rejection } from '#libs/domain/rejection.js';
import { findKnownRun } from '../find-runs.js';
import type { World } from '../world.js';
import {
  artifactIdOf,
  checkAlias,
  checkCollection,
  checkMetadata,
  checkTag,
  checkType,
  isHexMd5,
} from './artifact-names.js';
import { artifactOfOwnId, recordOf, rememberOwnId, saveRecord, type ArtifactRecord } from './artifact-records.js';
import {
  findCollection,
  latestOf,
  typeOf,
  versionOf,
  versionOfArtifact,
  versionTags,
  type Version,
} from './artifact-versions.js';
import { tellLogged } from './artifact-lineage.js';
import { setAliases } from './commit-artifact.js';

export interface CreateArtifactInput {
  readonly projectName: string;
  readonly artifactTypeName: string;
  readonly artifactCollectionName?: string | null;
  readonly artifactCollectionNames?: readonly string[] | null;
  readonly runName?: string | null;
  readonly digest: string;
  readonly digestAlgorithm?: string | null;
  readonly description?: string | null;
  readonly aliases?: readonly { readonly alias: string }[] | null;
  readonly tags?: readonly { readonly tagName: string }[] | null;
  readonly metadata?: string | null;
  readonly ttlDurationSeconds?: number | null;
  readonly historyStep?: number | null;
  readonly enableDigestDeduplication?: boolean | null;
  readonly distributedID?: string | null;
  readonly clientID?: string | null;
}
interface Created {
  readonly id: string;
  readonly version: Version | null;
  readonly latest: Version | null;
}

/** Begins an artifact, or finds the version that has its content. `everybody`: the world in which clients' own ids are kept. */
export async function createArtifact(world: World, everybody: World, input: CreateArtifactInput): Promise<Created> {
  const [collection = ''] = input.artifactCollectionNames ?? [];
  const name = checkCollection(input.artifactCollectionName ?? collection);
  const type = checkType(input.artifactTypeName);
  if (!isHexMd5(input.digest))
    throw new Rejection(
      'INVALID_ARGUMENT',
      'digest: must be the 32 hex digits of an MD5; no other is offered',
      'digest',
    );
  const project = await world.projectFor(input.projectName);
  const known = input.runName ? await findKnownRun(world, project, input.runName) : null;
  if (input.runName && !known)
    throw new Rejection('NOT_FOUND', `there is no run "${input.runName.slice(0, 200)}"`, 'runName');
  const said: ArtifactRecord = {
    id: artifactIdOf(world.backend.newId().replaceAll('-', '').slice(0, 24), world.name),
    project: project.name,
    collection: name,
    type,
    digest: input.digest,
    description: input.description ?? '',
    metadata: checkMetadata(input.metadata),
    aliases: (input.aliases ?? []).map(({ alias }) => checkAlias(alias)),
    tags: (input.tags ?? []).map(({ tagName }) => checkTag(tagName)),
    run: known?.run.state.id ?? '',
    step: input.historyStep ?? null,
    ttlSeconds: input.ttlDurationSeconds ?? null,
    clientId: input.clientID ?? '',
    createdAt: world.backend.clock(),
    sameAs: null,
    deleted: false,
  };
  return world.inTurn(`artifact ${project.name}/${name}`, async () => {
    const of = await findCollection(world, project, name);
    if (of && typeOf(of) !== type)
      throw new Rejection(
        'INVALID_ARGUMENT',
        `artifact "${name}" is of the type "${typeOf(of)}", not "${type}"`,
        'artifactTypeName',
      );
    const latest = of && latestOf(of);
    const before = await begunBefore(world, everybody, input);
    if (before !== null) return { id: before, version: await versionOfArtifact(world, before), latest };
    const same =
      of && input.enableDigestDeduplication !== false
        ? of.versions.findLast(({ tags }) => tags[versionTags.digest] === input.digest)
        : undefined;
    if (of && same) {
      const version = versionOf(of, `v${same.version - 1}`)!;
      if (input.clientID) await rememberOwnId(everybody, 'clients', input.clientID, same.source);
      await setAliases(version, said.aliases);
      await tellLogged(version, said.run, said.step);
      return { id: same.source, version, latest };
    }
    await saveRecord(world, said);
    if (input.clientID) await rememberOwnId(everybody, 'clients', input.clientID, said.id);
    if (input.distributedID)
      await rememberOwnId(world, 'distributed', `${project.name}/${name}/${input.distributedID}`, said.id);
    return { id: said.id, version: null, latest };
  });
}

/** The same artifact said again, or by another of the processes that make it together. */
async function begunBefore(world: World, everybody: World, input: CreateArtifactInput): Promise<string | null> {
  const { clientID, distributedID, projectName } = input;
  if (clientID) {
    const id = await artifactOfOwnId(everybody, 'clients', clientID);
    if (id !== null && (await recordOf(world, id).catch(() => null))?.digest === input.digest) return id;
  }
  if (!distributedID) return null;
  const project = await world.projectFor(projectName);
  const name = input.artifactCollectionName ?? input.artifactCollectionNames?.[0] ?? '';
  const id = await artifactOfOwnId(world, 'distributed', `${project.name}/${name}/${distributedID}`);
  // once it is committed, the next that they make together is another one
  return id !== null && (await versionOfArtifact(world, id)) === null ? id : null;
}

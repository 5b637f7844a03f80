import { Readable } from 'node:stream';
import { Rejection } from '#libs/domain/rejection.js';
import type { World } from '../world.js';
import { digestOf, heldFiles, merged, readManifest, sizeOf, type Manifest } from './artifact-manifest.js';
import { knownContents, readBytes } from './artifact-contents.js';
import { modelNameOf, worldFor } from './artifact-names.js';
import { manifestsOf, recordOf, saveRecord, type ArtifactRecord } from './artifact-records.js';
import { manifestOf, tellLogged } from './artifact-lineage.js';
import {
  aliasesOf,
  findCollection,
  latestOf,
  tagPrefix,
  versionOfArtifact,
  versionTags,
  type Version,
} from './artifact-versions.js';

const bad = (field: string, message: string): Rejection =>
  new Rejection('INVALID_ARGUMENT', `${field}: ${message}`, field);

/** Gives an artifact whose files have come its number. Repeated, it does what the first time did not come to. */
export async function commitArtifact(world: World, id: string): Promise<Version> {
  const said = await recordOf(world, id);
  if (said.deleted) throw new Rejection('INVALID_TRANSITION', 'artifactID: the artifact was deleted', 'artifactID');
  return world.inTurn(`artifact ${said.project}/${said.collection}`, async () => {
    const before = await versionOfArtifact(world, id);
    const version = before ?? (await makeVersion(world, { ...said, sameAs: null }));
    await tellLogged(version, said.run, said.step);
    // what was given to a later version stays there
    const last = latestOf(version.of)?.state.version ?? 0;
    const { aliases } = version.of.model;
    await setAliases(
      version,
      said.aliases.filter((alias) => last <= version.state.version || !Object.hasOwn(aliases, alias)),
    );
    return (await versionOfArtifact(world, id)) ?? version;
  });
}

async function makeVersion(world: World, said: ArtifactRecord): Promise<Version> {
  const project = await world.findProject(({ name }) => name === said.project);
  if (!project || project.deleted)
    throw new Rejection('NOT_FOUND', `project ${said.project} is not there any more`, 'artifactID');
  const { manifest, location, full } = await wholeManifest(world, said);
  const held = heldFiles(manifest);
  const known = await knownContents(
    world,
    [...held.values()].map(({ md5 }) => md5),
  );
  for (const [path, { md5, entry }] of held) {
    const file = known.get(md5);
    if (!file) throw bad('manifest', `the bytes of "${path}" (MD5 ${md5}) have not come`);
    if (typeof entry.size === 'number' && entry.size !== file.sizeBytes)
      throw bad('manifest', `"${path}" has ${file.sizeBytes} bytes, not ${entry.size}`);
  }
  const digest = digestOf(manifest);
  if (full && digest !== said.digest) throw bad('manifest', `its digest is ${digest}, not ${said.digest}`);
  const of = await findCollection(world, project, said.collection);
  const same = of?.versions.find(({ tags }) => tags[versionTags.digest] === digest);
  if (of && same) {
    await saveRecord(world, { ...said, sameAs: same.source });
    return { of, state: same };
  }
  const name = modelNameOf(project, said.collection);
  const place = { world: worldFor('artifacts', world.name), name };
  if (!of) {
    const created = { ...place, description: '', tags: { [versionTags.type]: said.type } };
    await world.log.decide({ name: 'RegisteredModelCreated', subject: name, data: created }).catch(unlessThere);
  }
  const tags = {
    [versionTags.digest]: digest,
    [versionTags.size]: String(sizeOf(manifest)),
    [versionTags.files]: String(Object.keys(manifest.contents).length),
    ...(said.metadata === null ? {} : { [versionTags.metadata]: said.metadata }),
    ...(said.step === null ? {} : { [versionTags.step]: String(said.step) }),
    ...(said.ttlSeconds === null ? {} : { [versionTags.ttl]: String(said.ttlSeconds) }),
    ...Object.fromEntries(said.tags.map((tag) => [`${tagPrefix}${tag}`, ''])),
  };
  const data = {
    ...place,
    source: said.id,
    location,
    run: said.run,
    loggedModel: '',
    description: said.description,
    tags,
  };
  // what it was the same as may be gone
  await saveRecord(world, said);
  await world.log.decide({ name: 'ModelVersionCreated', subject: name, data });
  return firstOfContent(world, said, digest);
}

/** Another process may have committed the same content at the same time: the log says who was first, and the other one is it too. */
async function firstOfContent(world: World, said: ArtifactRecord, digest: string): Promise<Version> {
  const version = (await versionOfArtifact(world, said.id))!;
  const { of, state } = version;
  const first = of.versions.find(({ tags }) => tags[versionTags.digest] === digest)!;
  if (first.version === state.version) return version;
  await saveRecord(world, { ...said, sameAs: first.source });
  const data = { world: state.world, name: state.name, version: state.version };
  await world.log.decide({ name: 'ModelVersionDeleted', subject: state.name, data });
  return { of, state: first };
}

/** What came as the whole, or put together of its base and of what came of it. */
async function wholeManifest(
  world: World,
  { id }: ArtifactRecord,
): Promise<{ readonly manifest: Manifest; readonly location: string; readonly full: boolean }> {
  const manifests = await manifestsOf(world, id);
  const read = async (digest: string): Promise<Manifest> => readManifest(await readBytes(world, digest));
  const full = manifests.find(({ kind }) => kind === 'FULL');
  if (full) return { manifest: await read(full.digest), location: full.digest, full: true };
  const [first, ...rest] = manifests;
  if (!first) throw bad('artifactID', 'no manifest of this artifact has come');
  const base = first.kind === 'INCREMENTAL' && first.base !== null ? await versionOfArtifact(world, first.base) : null;
  let manifest = await read(first.digest);
  if (base) manifest = merged(await manifestOf(base), manifest);
  for (const { digest } of rest) manifest = merged(manifest, await read(digest));
  const { digest: location } = await world.backend.artifactStore.put(
    Readable.from([Buffer.from(JSON.stringify(manifest))]),
  );
  return { manifest, location, full: false };
}

function unlessThere(error: unknown): void {
  if (!(error instanceof Rejection && error.code === 'ALREADY_EXISTS')) throw error;
}

/** Those that it has already are not said again. */
export async function setAliases(version: Version, aliases: readonly string[]): Promise<void> {
  const has = new Set(aliasesOf(version));
  const missing = aliases.filter((alias) => !has.has(alias));
  if (missing.length === 0) return;
  const { world, name, version: number } = version.state;
  await changeCollection(
    version.of.world,
    { world, name },
    {
      aliases: Object.fromEntries(missing.map((alias) => [alias, String(number)])),
    },
  );
}

interface CollectionChange {
  readonly description?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly removed?: readonly string[];
  readonly aliases?: Readonly<Record<string, string>>;
  readonly aliasesRemoved?: readonly string[];
}
export async function changeCollection(
  world: World,
  place: { readonly world: string; readonly name: string },
  { description, tags = {}, removed = [], aliases = {}, aliasesRemoved = [] }: CollectionChange,
): Promise<void> {
  const described = { description: description ?? '', hasDescription: description !== undefined };
  const data = { ...place, ...described, tags, removed, aliases, aliasesRemoved };
  await world.log.decide({ name: 'RegisteredModelChanged', subject: place.name, data });
}

import { jsonOf } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Call } from '../call.js';
import { defaultProject } from '../entities.js';
import { runNamed, worldOf, type RunNamed } from '../one-run.js';
import { artifactAnswer, collectionAnswer, recordAnswer, worldOfArtifact } from './artifact-answers.js';
import * as commands from './artifact-commands.js';
import { tellUsed } from './artifact-lineage.js';
import { checkTag, checkType, collectionNameOf, modelNameOf } from './artifact-names.js';
import { artifactOfOwnId, recordOf } from './artifact-records.js';
import { findCollection, tagPrefix, versionOfArtifact, type Collection } from './artifact-versions.js';
import { changeCollection, commitArtifact } from './commit-artifact.js';
import { createArtifact, type CreateArtifactInput } from './create-artifact.js';
import * as uploads from './upload-artifact.js';

interface Of<Input> {
  readonly input: Input;
}
interface InProject {
  readonly entityName?: string | null;
  readonly projectName?: string | null;
}

const noCollection = (name: string): Rejection =>
  new Rejection('NOT_FOUND', `there are no artifacts "${name.slice(0, 200)}"`, 'artifactCollectionName');

async function collectionById(call: Call, id: string): Promise<Collection> {
  const said = jsonOf(Buffer.from(id, 'base64').toString('utf8'));
  const [tenant, modelName] = Array.isArray(said) ? (said as readonly unknown[]) : [];
  if (typeof tenant !== 'string' || typeof modelName !== 'string') throw noCollection(id);
  const world = call.tenants.get(tenant);
  const name = collectionNameOf(modelName);
  const project = await world.findProject((each) => modelNameOf(each, name) === modelName);
  const of = project && (await findCollection(world, project, name));
  if (!of) throw noCollection(id);
  return of;
}

async function collectionNamed(call: Call, asked: InProject, name: string): Promise<Collection> {
  const world = worldOf(call, asked.entityName);
  const project = await world.projectNamed(asked.projectName || defaultProject);
  const of = project && (await findCollection(world, project, name));
  if (!of) throw noCollection(name);
  return of;
}

/** One artifact by its id, whatever has become of it. */
async function artifactById(call: Call, id: string): Promise<object> {
  const world = worldOfArtifact(call, id);
  const version = await versionOfArtifact(world, id);
  if (version) return artifactAnswer(version, call);
  const said = await recordOf(world, id);
  const project = await world.findProject(({ name }) => name === said.project);
  const of = project && (await findCollection(world, project, said.collection));
  return recordAnswer(said, said.deleted ? 'DELETED' : 'PENDING', () =>
    of ? collectionAnswer(of, call) : { __typename: 'ArtifactSequence', id, name: said.collection, createdAt: '' },
  );
}

/** Questions and commands about artifacts, by their names in the schema. */
export const artifactResolvers = {
  artifact: ({ id }: { id: string }, call: Call) => artifactById(call, id),
  artifactCollection: async ({ id }: { id: string }, call: Call) =>
    collectionAnswer(await collectionById(call, id), call),
  clientIDMapping: async ({ clientID }: { clientID: string }, call: Call) => {
    const serverID = await artifactOfOwnId(call.tenants.get(''), 'clients', clientID);
    return serverID === null ? null : { serverID };
  },

  createArtifactType: ({ input }: Of<{ name: string }>) => ({
    artifactType: { id: `type:${input.name}`, name: checkType(input.name), createdAt: '' },
  }),
  createArtifact: async ({ input }: Of<CreateArtifactInput & InProject>, call: Call) => {
    const world = worldOf(call, input.entityName);
    const { id, version, latest } = await createArtifact(world, call.tenants.get(''), input);
    const latestArtifact = latest && artifactAnswer(latest, call);
    const artifact = version ? artifactAnswer(version, call) : await artifactById(call, id);
    return { artifact: { ...artifact, artifactSequence: { name: input.artifactCollectionName, latestArtifact } } };
  },
  createArtifactManifest: ({ input }: Of<uploads.CreateManifestInput>, call: Call) =>
    uploads.createManifest(call, input),
  updateArtifactManifest: ({ input }: Of<uploads.UpdateManifestInput>, call: Call) =>
    uploads.updateManifest(call, input),
  createArtifactFiles: ({ input }: Of<{ artifactFiles: readonly uploads.FileSpec[] }>, call: Call) =>
    uploads.createFiles(call, input.artifactFiles),
  commitArtifact: async ({ input }: Of<{ artifactID: string }>, call: Call) => {
    const version = await commitArtifact(worldOfArtifact(call, input.artifactID), input.artifactID);
    return { artifact: artifactAnswer(version, call) };
  },
  useArtifact: async ({ input }: Of<RunNamed & { artifactID: string }>, call: Call) => {
    const known = await runNamed(call, input);
    const version = await commands.committed(worldOfArtifact(call, input.artifactID), input.artifactID);
    await tellUsed(known.world, known.project, known.run.state.id, version);
    return { artifact: artifactAnswer(version, call) };
  },
  updateArtifact: async ({ input }: Of<commands.UpdateArtifactInput>, call: Call) => ({
    artifact: artifactAnswer(await commands.updateArtifact(worldOfArtifact(call, input.artifactID), input), call),
  }),
  deleteArtifact: async ({ input }: Of<{ artifactID: string; deleteAliases?: boolean | null }>, call: Call) => {
    const { artifactID, deleteAliases } = input;
    const version = await commands.deleteArtifact(
      worldOfArtifact(call, artifactID),
      artifactID,
      deleteAliases === true,
    );
    return { artifact: artifactAnswer(version, call) };
  },
  addAliases: async ({ input }: Of<{ artifactID: string; aliases: readonly commands.AliasInput[] }>, call: Call) => {
    await commands.addAliases(worldOfArtifact(call, input.artifactID), input.artifactID, input.aliases);
    return { success: true };
  },
  deleteAliases: async ({ input }: Of<{ artifactID: string; aliases: readonly commands.AliasInput[] }>, call: Call) => {
    await commands.deleteAliases(worldOfArtifact(call, input.artifactID), input.artifactID, input.aliases);
    return { success: true };
  },

  deleteArtifactSequence: async ({ input }: Of<{ artifactSequenceID: string }>, call: Call) => {
    const of = await collectionById(call, input.artifactSequenceID);
    await commands.deleteCollection(of);
    return { artifactCollection: { ...collectionAnswer(of, call), state: 'DELETED' } };
  },
  updateArtifactSequence: async (
    { input }: Of<{ artifactSequenceID: string; name?: string | null; description?: string | null }>,
    call: Call,
  ) => {
    const of = await collectionById(call, input.artifactSequenceID);
    if (input.name && input.name !== of.name)
      throw new Rejection('INVALID_ARGUMENT', 'name: a collection of artifacts keeps its name here', 'name');
    if (typeof input.description === 'string')
      await changeCollection(of.world, of.model, { description: input.description });
    return { artifactCollection: collectionAnswer(await collectionById(call, input.artifactSequenceID), call) };
  },
  createArtifactCollectionTagAssignments: async ({ input }: Of<CollectionTags>, call: Call) => {
    const of = await collectionNamed(call, input, input.artifactCollectionName);
    const tags = input.tags.map(({ tagName }) => checkTag(tagName));
    const keys = Object.fromEntries(tags.map((tag) => [`${tagPrefix}${tag}`, '']));
    await changeCollection(of.world, of.model, { tags: keys });
    return { tags: tags.map((name) => ({ id: `tag:${name}`, name })) };
  },
  deleteArtifactCollectionTagAssignments: async ({ input }: Of<CollectionTags>, call: Call) => {
    const of = await collectionNamed(call, input, input.artifactCollectionName);
    const removed = input.tags.map(({ tagName }) => `${tagPrefix}${checkTag(tagName)}`);
    await changeCollection(of.world, of.model, { removed });
    return { success: true };
  },
};

interface CollectionTags extends InProject {
  readonly artifactCollectionName: string;
  readonly tags: readonly commands.TagInput[];
}

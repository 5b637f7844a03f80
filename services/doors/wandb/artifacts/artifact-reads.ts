import type { ArtifactReads } from '../call.js';
import {
  artifactAnswer,
  collectionAnswer,
  collectionsAnswer,
  membershipAnswer,
  typeAnswers,
} from './artifact-answers.js';
import { versionsOfRun } from './artifact-lineage.js';
import { collectionsOf, findCollection, versionNamed } from './artifact-versions.js';
import { connectionOf } from './pages.js';
import { worldOf } from '../one-run.js';

/** Artifacts as clients ask for them at a project and at a run. */
export const artifactReads: ArtifactReads = {
  one: async (world, project, name, call) => {
    const version = await versionNamed(world, project, name);
    return version && artifactAnswer(version, call);
  },
  membership: async (world, project, name, call) => {
    const version = await versionNamed(world, project, name);
    return version && membershipAnswer(version, call);
  },
  types: async (world, project, asked, call) =>
    connectionOf(typeAnswers(await collectionsOf(world, project), call), asked, (node) => ({ node })),
  type: async (world, project, name, call) =>
    typeAnswers(await collectionsOf(world, project), call).find((each) => each.name === name) ?? null,
  collections: async (world, project, asked, call) =>
    collectionsAnswer(await collectionsOf(world, project), asked, call),
  collection: async (world, project, name, call) => {
    const of = await findCollection(world, project, name);
    return of && collectionAnswer(of, call);
  },
  ofRun: async ({ world, project, run }, kind, asked, call) => {
    const versions = await versionsOfRun(world, project, run.state.id, kind, (entity) => worldOf(call, entity));
    return connectionOf(versions, asked, (version) => ({ node: artifactAnswer(version, call) }));
  },
};

import type { ProjectState } from '#libs/domain/catalog-fold.js';
import type { Call } from './call.js';
import { filtered, findKnownRun, type RunsAsked } from './find-runs.js';
import { dateOf } from './known-run.js';
import { entityAnswer, userAnswer } from './people-answers.js';
import { runAnswer } from './run-answers.js';
import type { World } from './world.js';

export function projectAnswer(world: World, project: ProjectState): object {
  const { entity } = world;
  const answer = {
    __typename: 'Project',
    id: `${entity}/${project.title}`,
    internalId: String(project.number),
    name: project.title,
    entityName: entity,
    entity: () => entityAnswer(entity, () => Promise.resolve(null)),
    description: project.description || null,
    access: 'PRIVATE',
    views: null,
    createdAt: dateOf(project.createdAt),
    updatedAt: dateOf(project.updatedAt),
    isBenchmark: false,
    readOnly: false,
    user: () => userAnswer(''),
    runCount: async (asked: RunsAsked) => (await filtered(world, project, asked)).length,
    runs: async (asked: RunsAsked) => {
      const all = await filtered(world, project, asked);
      const place = asked.after ? all.findIndex(({ known }) => known.run.state.id === asked.after) : -1;
      const page = all.slice(place + 1, place + 1 + Math.max(0, Math.min(asked.first ?? 50, 1_000)));
      return {
        totalCount: all.length,
        pageInfo: {
          endCursor: page.at(-1)?.known.run.state.id ?? null,
          hasNextPage: place + 1 + page.length < all.length,
        },
        edges: page.map(({ known }) => ({ cursor: known.run.state.id, node: runAnswer(known, () => answer) })),
      };
    },
    run: ({ name }: { name: string }) => oneRun(name),
    bucket: ({ name }: { name: string }) => oneRun(name),
    totalSweeps: 0,
    sweeps: { pageInfo: { endCursor: null, hasNextPage: false }, edges: [] },
    sweep: null,
    allViews: { pageInfo: { endCursor: null, hasNextPage: false }, edges: [] },
    artifact: ({ name }: { name: string }, call: Call) => call.artifacts.one(world, project, name, call),
    artifactCollectionMembership: ({ name }: { name: string }, call: Call) =>
      call.artifacts.membership(world, project, name, call),
    artifactTypes: (asked: RunsAsked, call: Call) => call.artifacts.types(world, project, asked, call),
    artifactType: ({ name }: { name: string }, call: Call) => call.artifacts.type(world, project, name, call),
    artifactCollections: (asked: RunsAsked, call: Call) => call.artifacts.collections(world, project, asked, call),
    artifactCollection: ({ name }: { name: string }, call: Call) =>
      call.artifacts.collection(world, project, name, call),
  };
  return answer;

  async function oneRun(name: string): Promise<unknown> {
    const known = await findKnownRun(world, project, name);
    return known ? runAnswer(known, () => answer) : null;
  }
}

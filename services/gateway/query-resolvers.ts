import { hiddenParam } from '#libs/domain/hidden-param.js';
import { isOwnTag } from '#libs/domain/own-tags.js';
import { formatPositionToken } from '#libs/domain/position-token.js';
import { Rejection } from '#libs/domain/rejection.js';
import { projectionLags } from '#libs/projecting/projector.js';
import type { Complete } from './complete-resolvers.js';
import { reach, type GatewayContext, type ServerParent } from './gateway-context.js';
import type { QueryResolvers, ServerResolvers } from './generated/resolver-types.js';
import { connection, pageSize } from './pages.js';
import type { trackingQueries } from './tracking-queries.js';

const runsByIdMax = 200;
const keyKinds = { METRICS: 'metrics', PARAMS: 'params', TAGS: 'tags' } as const;

async function projectionStates(context: GatewayContext) {
  const { backend } = context;
  const states = [];
  for (const family of backend.families) {
    for (const lag of await projectionLags(backend.log, await family.live(), backend.progress)) {
      const { projection: name, generation, partition, position, end, waiting } = lag;
      states.push({ name, generation, partition, position, end, lag: Math.max(0, end - position), waiting });
    }
  }
  return states;
}

export const queryResolvers: Complete<
  Omit<QueryResolvers, 'registeredModels' | 'registeredModel' | keyof typeof trackingQueries>
> = {
  project: async (_, { name, at }, context) => {
    await reach(context, at);
    return context.backend.runTable.project(name);
  },
  projects: async (_, { first, after, match, at }, context) => {
    await reach(context, at);
    const query = {
      first: pageSize(first),
      after: after ?? undefined,
      match: match ?? undefined,
      nowMs: context.nowMs,
    };
    return connection(await context.backend.runTable.projects(query));
  },
  experiment: async (_, { number, tenant }, { backend }) => {
    const projects = await backend.tracking.projects(tenant ?? '');
    const project = projects.find((each) => each.number === number);
    return project && !project.deleted ? backend.runTable.project(project.name) : null;
  },
  run: async (_, { id, at }, context) => {
    await reach(context, at);
    return context.backend.runTable.run(id);
  },
  runsById: async (_, { ids, at }, context) => {
    if (ids.length > runsByIdMax)
      throw new Rejection('INVALID_ARGUMENT', `ids: at most ${runsByIdMax} runs are allowed at once`, 'ids');
    await reach(context, at);
    return Promise.all(ids.map((id) => context.runs.load(id)));
  },
  // before anything is read: the tables may only contain more
  position: (_, __, { backend }) =>
    formatPositionToken(new Map([...backend.progress.token('runs')].filter(([name]) => name.startsWith('runs/')))),
  runs: async (_, { project, filter, orderBy, first, after, archived, at }, context) => {
    await reach(context, at);
    return connection(
      await context.backend.runTable.search({
        project: project ?? undefined,
        filter: filter ?? undefined,
        orderBy: orderBy ?? undefined,
        first: pageSize(first),
        after: after ?? undefined,
        archived: archived ?? false,
        nowMs: context.nowMs,
      }),
    );
  },
  runGroups: async (_, { project, filter, archived, by, metrics, first, at }, context) => {
    await reach(context, at);
    const found = await context.backend.runTable.groups({
      project: project ?? undefined,
      filter: filter ?? undefined,
      archived: archived ?? false,
      by: by ?? [],
      metrics: metrics ?? [],
      first: pageSize(first),
      nowMs: context.nowMs,
    });
    const nodes = found.groups.map((group) => ({
      ...group,
      values: [...group.values],
      metrics: [...group.metrics],
    }));
    return { runCount: found.runCount, groupCount: found.groupCount, nodes };
  },
  runKeys: async (_, { project, kind, match, first }, { backend }) => {
    const query = {
      project: project ?? undefined,
      kind: keyKinds[kind],
      match: match ?? undefined,
      first: pageSize(first),
    };
    // a key that is the tracker's own is nothing that a person looks for
    const own = { metrics: () => false, params: hiddenParam, tags: isOwnTag }[query.kind];
    return (await backend.runTable.keys(query)).filter((key) => !own(key));
  },
  artifact: async (_, { digest }, { backend }) => {
    const lineage = await backend.runTable.artifactLineage(digest);
    if (lineage.loggedBy.length === 0 && lineage.usedBy.length === 0) return null;
    return { digest, sizeBytes: lineage.sizeBytes, loggedBy: [...lineage.loggedBy], usedBy: [...lineage.usedBy] };
  },
  server: (_, __, { version }) => ({ version }),
};

export const serverResolvers: Complete<ServerResolvers, ServerParent> = {
  roles: (_, __, { backend }) => [...backend.configuration.roles],
  authRequired: (_, __, { authRequired }) => authRequired,
  projections: (_, __, context) => projectionStates(context),
};

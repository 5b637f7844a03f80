import type { LoggedModelState } from '#libs/domain/logged-model-fold.js';
import { traceSubject } from '#libs/domain/trace-id.js';
import { printCursor, queryHash, readCursor } from '#libs/runs/search/cursor.js';
import { filterModels } from '#libs/runs/search/logged-models.js';
import { readTraceFilter } from '#libs/runs/search/trace-filter.js';
import type { TraceSearch } from '#libs/runs/tracking-tables.js';
import { reach, type GatewayContext, type TraceConnectionParent } from './gateway-context.js';
import type { QueryResolvers } from './generated/resolver-types.js';
import { connection, pageSize } from './pages.js';

type Given<T> = T | null | undefined;

/** Of one project; null: of all that are not deleted. A project that is deleted has nothing. */
async function scope(project: Given<string>, { backend }: GatewayContext): Promise<readonly string[] | null> {
  if (project === null || project === undefined) return null;
  return (await backend.runTable.project(project)) ? [project] : [];
}

/** Traces of before tenants had ids of their own are known by their bare id. */
async function findTrace(world: string, id: string, { backend }: GatewayContext) {
  const subjects = [...new Set([traceSubject(world, id), id])];
  const found = await backend.tracking.traces.byId(subjects);
  for (const subject of subjects) {
    const trace = found.find((each) => each.id === subject);
    const project = trace?.logged === true ? await backend.runTable.project(trace.project) : null;
    if (trace && project?.world === world) return trace;
  }
  return null;
}

const countedMax = 1_000;

export async function tracePage(
  asked: {
    project: Given<string>;
    run: Given<string>;
    filter: Given<string>;
    first: Given<number>;
    after: Given<string>;
  },
  context: GatewayContext,
): Promise<TraceConnectionParent> {
  const { traces } = context.backend.tracking;
  const { project, run, filter, first, after } = asked;
  const hash = queryHash(['traces', project ?? null, run ?? null, filter ?? '']);
  const cursor = after === null || after === undefined ? null : readCursor(after, hash, ['number']);
  const limit = pageSize(first);
  const ofRun: TraceSearch['clauses'] =
    run === null || run === undefined ? [] : [{ of: { kind: 'run' }, operator: '=', values: [run] }];
  const search = {
    projects: await scope(project, context),
    clauses: [...ofRun, ...readTraceFilter(filter ?? '')],
  };
  const found = await traces.search({
    ...search,
    orders: [],
    limit,
    offset: 0,
    ...(cursor ? { after: { timeMs: Number(cursor.values[0]), id: cursor.id } } : {}),
  });
  const rows = found.slice(0, limit);
  return {
    rows,
    cursors: rows.map(({ id, timeMs }) => printCursor(hash, { values: [timeMs], id })),
    hasNextPage: found.length > limit,
    count: () => traces.count(search, countedMax),
  };
}

async function modelPage(
  asked: { project: Given<string>; filter: Given<string>; first: Given<number>; after: Given<string> },
  context: GatewayContext,
) {
  const { models } = context.backend.tracking;
  const { project, filter, first, after } = asked;
  const hash = queryHash(['loggedModels', project ?? null, filter ?? '']);
  const cursor = after === null || after === undefined ? null : readCursor(after, hash, ['number']);
  const limit = pageSize(first);
  const known = await models.ofProjects(await scope(project, context));
  const metrics = await models.metrics(known.map(({ id }) => id));
  const fitting = filterModels(
    known.map((model) => ({ model, metrics: metrics.get(model.id) ?? [] })),
    filter ?? '',
  ).map(({ model }) => model);
  const behind = ({ createdAt, id }: LoggedModelState): boolean =>
    cursor === null ||
    createdAt < Number(cursor.values[0]) ||
    (createdAt === Number(cursor.values[0]) && id > cursor.id);
  const rest = fitting.filter(behind);
  const rows = rest.slice(0, limit);
  return connection({
    rows,
    cursors: rows.map(({ id, createdAt }) => printCursor(hash, { values: [createdAt], id })),
    hasNextPage: rest.length > limit,
    totalCount: fitting.length,
  });
}

export const trackingQueries = {
  loggedModels: async (_, { project, filter, first, after, at }, context) => {
    await reach(context, at);
    return modelPage({ project, filter, first, after }, context);
  },
  loggedModel: async (_, { id, at }, context) => {
    await reach(context, at);
    return context.loggedModels.load(id);
  },
  datasets: async (_, { project, match, first, after, at }, context) => {
    await reach(context, at);
    return connection(
      await context.backend.tracking.datasets({
        projects: await scope(project, context),
        match: match ?? '',
        first: pageSize(first),
        after: after ?? undefined,
      }),
    );
  },
  traces: async (_, { project, run, filter, first, after, at }, context) => {
    await reach(context, at);
    return tracePage({ project, run, filter, first, after }, context);
  },
  trace: async (_, { id, world, at }, context) => {
    await reach(context, at);
    return findTrace(world ?? '', id, context);
  },
} satisfies Pick<QueryResolvers, 'loggedModels' | 'loggedModel' | 'datasets' | 'traces' | 'trace'>;

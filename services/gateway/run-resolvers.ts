import { hiddenParam } from '#libs/domain/hidden-param.js';
import { Kind, type GraphQLResolveInfo, type SelectionNode } from 'graphql';
import type { Complete } from './complete-resolvers.js';
import { isOwnTag } from '#libs/domain/own-tags.js';
import type { Environment } from '#libs/domain/event.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { MetricStore } from '#libs/metrics/metric-store.js';
import { newestOf, versionsOf } from '#libs/runs/artifact-versions.js';
import { completeness } from '#libs/runs/rules/completeness.js';
import { rankStates } from '#libs/runs/rules/rank-health.js';
import { attemptStandingAt, standingAt } from '#libs/runs/rules/run-standing.js';
import type { SummaryRow } from '#libs/runs/run-table.js';
import type { ArtifactParent, GatewayContext, ProjectParent, RunParent, SeriesParent } from './gateway-context.js';
import type {
  ArtifactResolvers,
  ProjectResolvers,
  RunResolvers,
  RunStatus,
  SeriesResolvers,
} from './generated/resolver-types.js';
import { breathe } from '../http/breathe.js';
import { mediaResolvers } from './media-resolvers.js';
import { versionsOfRun } from './registry-resolvers.js';
import { orNull, pageSize, tagList, within } from './pages.js';
import { metricsOf } from './run-metrics.js';
import { runTracking } from './tracking-resolvers.js';

const pointsPageMax = 100_000;
const bucketsMax = 10_000;
const seriesKeysMax = 200;
/** Of all series of one answer together: some ten numbers each. */
const answerBucketsMax = 400_000;

const statuses = {
  running: 'RUNNING',
  finished: 'FINISHED',
  failed: 'FAILED',
  killed: 'KILLED',
  lost: 'LOST',
} as const satisfies Record<string, RunStatus>;

const paramList = (params: Readonly<Record<string, unknown>>) =>
  Object.entries(params)
    .filter(([key]) => !hiddenParam(key))
    .map(([key, value]) => ({ key, value }));
const summaryValue = ({ key, last, lastStep, min, minStep, minRank, max, maxStep, maxRank, count }: SummaryRow) => ({
  key,
  last,
  lastStep,
  min,
  minStep,
  minRank,
  max,
  maxStep,
  maxRank,
  count,
});

function checkBuckets(buckets: number): void {
  if (buckets <= answerBucketsMax) return;
  throw new Rejection(
    'TOO_LARGE',
    `series: ${buckets} buckets (keys x ranks x buckets); at most ${answerBucketsMax} are in one answer; ask for fewer keys, ranks or buckets, or for a band`,
    'buckets',
  );
}

/** Columns become lists where they are asked for. */
const counted =
  (name: 'x' | 'oddX') =>
  ({ columns, origin }: SeriesParent): Float64Array =>
    origin === 0 ? columns[name] : columns[name].map((x) => x - origin);
export const seriesResolvers: Complete<SeriesResolvers, SeriesParent> = {
  key: ({ columns }) => columns.key,
  rank: ({ columns }) => columns.rank,
  x: counted('x'),
  min: ({ columns }) => columns.min,
  max: ({ columns }) => columns.max,
  first: ({ columns }) => columns.first,
  last: ({ columns }) => columns.last,
  count: ({ columns }) => columns.count,
  oddX: counted('oddX'),
  oddValue: ({ columns }) => columns.oddValue,
};

/** Whether a field is asked for among these, by whatever fragment or alias. */
function selects(nodes: readonly SelectionNode[], name: string, fragments: GraphQLResolveInfo['fragments']): boolean {
  return nodes.some((node) => {
    if (node.kind === Kind.FIELD) return node.name.value === name;
    const { selectionSet } = node.kind === Kind.INLINE_FRAGMENT ? node : fragments[node.name.value]!;
    return selects(selectionSet.selections, name, fragments);
  });
}

export const runResolvers: Complete<RunResolvers, RunParent> = {
  ...runTracking,
  modelVersions: (run, _, context) => versionsOfRun(run, context),
  group: (run) => orNull(run.group),
  jobType: (run) => orNull(run.jobType),
  user: (run) => orNull(run.user),
  tags: (run) => tagList(run.tags).filter(({ key }) => !isOwnTag(key)),
  labels: (run) => [...run.labels],
  status: (run, _, { nowMs }) => statuses[standingAt(run, nowMs).status],
  statusReason: (run, _, { nowMs }) => orNull(standingAt(run, nowMs).reason),
  endedAt: (run, _, { nowMs }) => standingAt(run, nowMs).endedAt,
  durationMs: (run, _, { nowMs }) => Math.max(0, standingAt(run, nowMs).until - run.startedAt),
  attempts: (run, _, { nowMs }) =>
    run.attempts.map((attempt) => ({
      ...attempt,
      launch: orNull(attempt.launch),
      state: attemptStandingAt(run, attempt, nowMs),
    })),
  children: async (run, { first }, { backend }) => [...(await backend.runTable.children(run.id, pageSize(first)))],
  params: (run) => paramList(run.params),
  environment: (run) => run.environment && environmentOf(run.environment),
  costPerHour: (run) => run.costPerHour || null,
  cost: (run, _, { nowMs }) =>
    run.costPerHour ? (run.costPerHour * Math.max(0, standingAt(run, nowMs).until - run.startedAt)) / 3_600_000 : null,
  summary: async (run, _, { summaries }) => (await summaries.load(run.id)).map(summaryValue),
  metric: async (run, { key }, { metric }) => {
    const row = await metric.load({ run: run.id, key });
    return row && summaryValue(row);
  },
  summarySet: (run) => paramList(run.summarySet),
  metricKeys: async (run, { match, first, after }, context) => [
    ...(await (
      await metricsOf(run, context)
    ).keys(run.id, match ?? undefined, within('first', first, 1_000, 100_000), after ?? undefined)),
  ],
  series: async (run, { keys, ranks, x, from, to, buckets, attempt }, context, info) => {
    if (keys.length > seriesKeysMax)
      throw new Rejection('INVALID_ARGUMENT', `keys: at most ${seriesKeysMax} keys are allowed at once`, 'keys');
    const perSeries = within('buckets', buckets, 1_000, bucketsMax);
    checkBuckets(keys.length * (ranks?.length ?? 1) * perSeries);
    const shift = x === 'RELATIVE' ? run.startedAt : 0;
    const found = await (
      await metricsOf(run, context)
    ).series(
      {
        run: run.id,
        keys,
        ranks: ranks ?? undefined,
        x: x === 'STEP' || !x ? 'step' : 'time',
        from: from === null || from === undefined ? undefined : from + shift,
        to: to === null || to === undefined ? undefined : to + shift,
        buckets: perSeries,
        attempt: attempt ?? undefined,
        countless: !info.fieldNodes.some(({ selectionSet }) =>
          selects(selectionSet?.selections ?? [], 'count', info.fragments),
        ),
      },
      context.signal,
    );
    checkBuckets(found.reduce((sum, series) => sum + series.x.length, 0));
    // each in a turn of its own: all of them at once would hold everybody else
    let turn = Promise.resolve();
    return found.map((columns) => {
      turn = turn.then(breathe);
      return turn.then(() => ({ columns, origin: shift }));
    });
  },
  band: async (run, { key, from, to, buckets }, context) => {
    const query = {
      run: run.id,
      key,
      from: from ?? undefined,
      to: to ?? undefined,
      buckets: within('buckets', buckets, 500, bucketsMax),
    };
    const band = await (await metricsOf(run, context)).band(query, context.signal);
    const { worstScore, minRank, maxRank } = band;
    return {
      ...band,
      minRank: [...minRank],
      maxRank: [...maxRank],
      worstScore: worstScore !== null && Number.isFinite(worstScore) ? worstScore : null,
    };
  },
  points: async (run, { key, rank, attempt, after, first }, context) => {
    const query: Parameters<MetricStore['points']>[0] = {
      run: run.id,
      key,
      rank: rank ?? undefined,
      attempt: attempt ?? undefined,
      after: after ?? undefined,
      first: within('first', first, 10_000, pointsPageMax),
    };
    return (await metricsOf(run, context)).points(query, context.signal);
  },
  ranks: async (run, { first }, { backend, nowMs }) => {
    const [writers, paces] = await Promise.all([backend.runTable.writers(run.id), backend.metricStore.ranks(run.id)]);
    return rankStates(run, writers, paces, nowMs).slice(0, within('first', first, 20_000, 100_000));
  },
  completeness: async (run, _, context) => completeness(run, await context.backend.runTable.writers(run.id)),
  artifacts: async (run, { first, skip, name, versions }, { backend }) => {
    const all = versionsOf(await backend.runTable.artifacts(run.id, 'logged'));
    const shown = versions ? all : newestOf(all);
    const from = Math.max(0, skip ?? 0);
    return (typeof name === 'string' ? shown.filter((artifact) => artifact.name === name) : shown).slice(
      from,
      from + within('first', first, 1_000, 100_000),
    );
  },
  usedArtifacts: async (run, _, { backend }) => [...(await backend.runTable.artifacts(run.id, 'used'))],
  lines: async (run, { rank, match, before, last }, { metrics, signal }) => {
    const query = {
      run: run.id,
      rank: rank ?? undefined,
      match: match ?? undefined,
      before: before ?? undefined,
      last: within('last', last, 200, 10_000),
    };
    const page = await metrics.lines(query, signal);
    return {
      lines: page.lines.map(({ timeMs, ...line }) => ({ ...line, time: timeMs })),
      startCursor: page.startCursor,
      hasPreviousPage: page.hasPreviousPage,
    };
  },
  ...mediaResolvers,
};

function environmentOf(environment: Environment) {
  const { git, hardware, packages, seeds } = environment;
  const text = (value: string | undefined): string | null => (value === undefined || value === '' ? null : value);
  return {
    gitCommit: text(git?.commit),
    gitBranch: text(git?.branch),
    gitDirty: git?.commit ? git.dirty : null,
    gitRemote: text(git?.remote),
    gitDiff: text(git?.diffDigest),
    command: text(environment.command),
    host: text(environment.host),
    user: text(environment.user),
    os: text(environment.os),
    runtime: text(environment.runtime),
    cwd: text(environment.cwd),
    launcher: text(environment.launcher),
    cpu: text(hardware?.cpu),
    cpuCount: hardware?.cpuCount || null,
    memoryBytes: hardware?.memoryBytes || null,
    gpus: [...(hardware?.gpus ?? [])],
    packages: tagList(packages),
    seeds: tagList(seeds),
  };
}

export const projectResolvers: Complete<ProjectResolvers, ProjectParent> = {
  tags: (project) => tagList(project.tags).filter(({ key }) => !isOwnTag(key)),
};

export const artifactResolvers: Complete<ArtifactResolvers, ArtifactParent> = {
  mime: (artifact) => orNull(artifact.mime),
  version: (artifact) => artifact.version ?? null,
  metadata: (artifact) => tagList(artifact.metadata),
  url: (artifact) =>
    `/v1/artifacts/${artifact.digest}?name=${encodeURIComponent(artifact.name.split('/').at(-1) ?? 'artifact')}`,
  usedBy: async (artifact, _, { backend }: GatewayContext) => [
    ...(await backend.runTable.artifactLineage(artifact.digest)).usedBy,
  ],
};

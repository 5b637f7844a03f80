import { modelLocation, storedPath } from '#libs/domain/artifact-location.js';
import type { Dataset } from '#libs/domain/event.js';
import { isFileTag, wholeDataset } from '#libs/runs/dataset-texts.js';
import { loadAll, type GatewayContext } from './gateway-context.js';
import type { Resolvers, RunResolvers } from './generated/resolver-types.js';
import { orNull, tagList, within } from './pages.js';
import { versionsOfRun } from './registry-resolvers.js';
import { tracePage } from './tracking-queries.js';

const rowsMax = 10_000;
const runsMax = 100;

/** What clients of other trackers said of a run beside metrics, params and files. */
export const runTracking = {
  inputs: async ({ id }, _, { inputs }) =>
    ((await inputs.load(id))?.datasets ?? []).map((dataset) => ({
      dataset,
      context: dataset.tags['mlflow.data.context'] ?? null,
      tags: tagList(dataset.tags).filter(({ key }) => !isFileTag(key)),
    })),
  modelInputs: async ({ id }, _, { inputs, loggedModels }) =>
    loadAll(loggedModels, (await inputs.load(id))?.modelsUsed ?? []),
  modelOutputs: async ({ id }, _, { inputs }) => [...((await inputs.load(id))?.modelsMade ?? [])],
  loggedModels: async ({ id }, { first }, { backend }) =>
    (await backend.tracking.models.ofRuns([id])).slice(0, within('first', first, 20, 1_000)),
  traces: ({ id }, { filter, first, after }, context) =>
    tracePage({ project: null, run: id, filter, first, after }, context),
} satisfies RunResolvers;

type Described = Pick<Dataset, 'schema' | 'profile' | 'tags'>;
const textOf =
  (name: 'schema' | 'profile') =>
  async (dataset: Described, _: unknown, { backend }: GatewayContext): Promise<string | null> =>
    orNull((await wholeDataset(dataset, (digest) => backend.artifactStore.get(digest)))[name]);
const ofDataset = { schema: textOf('schema'), profile: textOf('profile') };

export const trackingResolvers: Pick<
  Resolvers,
  'LoggedModel' | 'ModelOutput' | 'DatasetFacts' | 'Dataset' | 'TraceConnection'
> = {
  LoggedModel: {
    modelType: ({ modelType }) => orNull(modelType),
    runId: ({ run }) => orNull(run),
    run: ({ run }, _, { runs }) => (run === '' ? null : runs.load(run)),
    params: ({ params }) => Object.entries(params).map(([key, json]) => ({ key, value: JSON.parse(json) as unknown })),
    tags: ({ tags }) => tagList(tags),
    metrics: async ({ id }, { first }, { modelMetrics }) =>
      (await modelMetrics.load(id)).slice(0, within('first', first, 100, rowsMax)).map((metric) => ({
        key: metric.key,
        value: metric.value,
        step: metric.step,
        time: metric.timeMs,
        datasetName: orNull(metric.datasetName),
        datasetDigest: orNull(metric.datasetDigest),
        runId: orNull(metric.run),
      })),
    files: async ({ id, project }, { first }, { backend, projects }) => {
      const count = within('first', first, 100, rowsMax);
      const owner = await projects.load(project);
      const root = owner && storedPath(modelLocation(owner, id));
      if (!owner || root === null) return [];
      const found = await backend.tracking.files.below(owner.world, root);
      return found.slice(0, count).map(({ path, digest, sizeBytes, mime }) => ({
        path: path.slice(root.length + 1),
        digest,
        sizeBytes,
        mime,
        url: `/v1/artifacts/${digest}?name=${encodeURIComponent(path.slice(path.lastIndexOf('/') + 1))}`,
      }));
    },
    modelVersions: async ({ id, run }, _, context) => {
      const made = run === '' ? null : await context.runs.load(run);
      if (!made) return [];
      return (await versionsOfRun(made, context)).filter(({ version }) => version.loggedModel === id);
    },
  },
  ModelOutput: {
    modelId: ({ model }) => model,
    model: ({ model }, _, { loggedModels }) => loggedModels.load(model),
  },
  DatasetFacts: ofDataset,
  Dataset: {
    ...ofDataset,
    contexts: ({ contexts }) => [...contexts],
    runs: ({ runs: ids }, { first }, { runs }) => loadAll(runs, ids.slice(0, within('first', first, 10, runsMax))),
  },
  TraceConnection: {
    edges: ({ rows, cursors }) => rows.map((node, index) => ({ node, cursor: cursors[index]! })),
    nodes: ({ rows }) => [...rows],
    pageInfo: ({ cursors, hasNextPage }) => ({ hasNextPage, endCursor: cursors.at(-1) ?? null }),
    totalCount: ({ count }) => count(),
  },
};

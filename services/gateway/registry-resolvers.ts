import type { Complete } from './complete-resolvers.js';
import type { ModelVersionState, RegisteredModelState } from '#libs/domain/registry-fold.js';
import {
  reach,
  type GatewayContext,
  type ModelVersionParent,
  type RegisteredModelParent,
  type RunParent,
} from './gateway-context.js';
import type { ModelVersionResolvers, QueryResolvers, RegisteredModelResolvers } from './generated/resolver-types.js';
import { orNull, pageSize, tagList, within } from './pages.js';

const versionsPageMax = 1_000;

const withAliases = (version: ModelVersionState, model: RegisteredModelState | null): ModelVersionParent => ({
  version,
  aliases: Object.entries(model?.aliases ?? {}).flatMap(([alias, number]) =>
    number === version.version ? [alias] : [],
  ),
});

/** Prompts are registered models by their client's trick; the registry's page is about models. */
const isPrompt = ({ tags }: RegisteredModelState): boolean => tags['mlflow.prompt.is_prompt'] === 'true';

export const registryQueries: Complete<Pick<QueryResolvers, 'registeredModels' | 'registeredModel'>> = {
  registeredModels: async (_, { world, match, first, after, at }, context) => {
    await reach(context, at);
    const { registry } = context.backend;
    const wanted = match?.toLowerCase() ?? '';
    const models = (await registry.models(world ?? '')).filter(
      (model) => !isPrompt(model) && model.name.toLowerCase().includes(wanted),
    );
    const start = after === null || after === undefined ? 0 : startAfter(models, after);
    const page = models.slice(start, start + pageSize(first));
    const versions = new Map<string, ModelVersionState[]>(page.map(({ name }) => [name, []]));
    for (const version of await registry.versions(world ?? '')) versions.get(version.name)?.push(version);
    return {
      nodes: page.map((model) => ({ model, versions: versions.get(model.name)! })),
      pageInfo: { hasNextPage: start + page.length < models.length, endCursor: page.at(-1)?.name ?? null },
      totalCount: models.length,
    };
  },
  registeredModel: async (_, { name, world, at }, context): Promise<RegisteredModelParent | null> => {
    await reach(context, at);
    const { registry } = context.backend;
    const model = await registry.model(world ?? '', name);
    return model && { model, versions: await registry.versions(world ?? '', name) };
  },
};

/** The cursor is the last name of the page before; models come and go in between. */
function startAfter(models: readonly RegisteredModelState[], after: string): number {
  const start = models.findIndex(({ name }) => name > after);
  return start < 0 ? models.length : start;
}

export const registeredModelResolvers: Complete<RegisteredModelResolvers, RegisteredModelParent> = {
  name: ({ model }) => model.name,
  description: ({ model }) => model.description,
  tags: ({ model }) => tagList(model.tags),
  aliases: ({ model }) => Object.entries(model.aliases).map(([alias, version]) => ({ alias, version })),
  createdAt: ({ model }) => model.createdAt,
  updatedAt: ({ model }) => model.updatedAt,
  versionCount: ({ versions }) => versions.length,
  latestVersion: ({ model, versions }) => {
    const last = versions.at(-1);
    return last ? withAliases(last, model) : null;
  },
  versions: ({ model, versions }, { first }) => {
    const count = within('first', first, 100, versionsPageMax);
    return versions
      .toReversed()
      .slice(0, count)
      .map((version) => withAliases(version, model));
  },
};

export const modelVersionResolvers: Complete<ModelVersionResolvers, ModelVersionParent> = {
  name: ({ version }) => version.name,
  version: ({ version }) => version.version,
  stage: ({ version }) => version.stage,
  description: ({ version }) => version.description,
  tags: ({ version }) => tagList(version.tags),
  aliases: ({ aliases }) => [...aliases],
  source: ({ version }) => version.source,
  loggedModel: ({ version }) => orNull(version.loggedModel),
  runId: ({ version }) => orNull(version.run),
  run: ({ version }, _, { backend }) => (version.run === '' ? null : backend.runTable.run(version.run)),
  createdAt: ({ version }) => version.createdAt,
  updatedAt: ({ version }) => version.updatedAt,
};

export async function versionsOfRun(run: RunParent, { backend }: GatewayContext): Promise<ModelVersionParent[]> {
  // a tenant's runs name their project with the tenant before it
  const project = (await backend.runTable.project(run.project))?.world ?? '';
  const versions = await backend.registry.versionsOfRuns(project, [run.id]);
  return Promise.all(
    versions.map(async (version) => withAliases(version, await backend.registry.model(version.world, version.name))),
  );
}

import type { ModelVersionState } from '#libs/domain/registry-fold.js';
import { given } from '#libs/domain/run-fold-facts.js';
import { filterRows, orderRows, type Column } from '#libs/runs/search/listing.js';
import { pageOf, type Answer, type Call } from './call.js';
import type { Fields } from './fields.js';
import { invalid } from './mlflow-error.js';
import { writeModel, writeVersion, type Entry } from './registry.js';

const promptTag = 'mlflow.prompt.is_prompt';
type Tags = Readonly<Record<string, string>>;
/** Prompts are models with a tag: listed only for who asks by it. */
const listed = (filter: string): ((tags: Tags) => boolean) =>
  filter.includes(promptTag) ? () => true : (tags) => given(tags, promptTag) !== 'true';
const listedTag = (tags: Tags, key: string): string | undefined =>
  given(tags, key) ?? (key === promptTag ? 'false' : undefined);

const modelColumns: Readonly<Record<string, Column<Entry>>> = {
  name: { type: 'text', of: ({ model }) => model.name },
  timestamp: { type: 'number', of: ({ model }) => model.updatedAt },
  last_updated_timestamp: { type: 'number', of: ({ model }) => model.updatedAt },
  creation_timestamp: { type: 'number', of: ({ model }) => model.createdAt },
};

function readMax(fields: Fields, usual: number, most: number): number {
  const max = fields.whole('max_results') ?? usual;
  if (max < 1) throw invalid(`Invalid value for max_results. It must be a positive integer, but got ${max}`);
  if (max > most)
    throw invalid(`Invalid value for request parameter max_results. It must be at most ${most}, but got value ${max}`);
  return max;
}

export async function searchRegisteredModels({ world, fields }: Call): Promise<Answer> {
  const max = readMax(fields, 100, 1_000);
  await world.log.catalogSettled();
  const { registry } = world.backend;
  const [models, versions] = await Promise.all([registry.models(world.name), registry.versions(world.name)]);
  const byName = new Map<string, ModelVersionState[]>(models.map(({ name }) => [name, []]));
  for (const version of versions) byName.get(version.name)?.push(version);
  const entries = models.map((model): Entry => ({ model, versions: byName.get(model.name)! }));
  const filter = fields.text('filter');
  const shown = listed(filter);
  const matching = filterRows(
    entries.filter(({ model }) => shown(model.tags)),
    filter,
    {
      attribute: { name: modelColumns['name']! },
      tag: ({ model }, key) => listedTag(model.tags, key),
      absentTagDiffers: true,
    },
  );
  const ordered = orderRows(matching, fields.texts('order_by'), modelColumns, ['name ASC']);
  const { rows, token } = pageOf(ordered, max, fields.text('page_token'));
  return { registered_models: rows.map(writeModel), ...(token === null ? {} : { next_page_token: token }) };
}

const versionColumns: Readonly<Record<string, Column<ModelVersionState>>> = {
  name: { type: 'text', of: ({ name }) => name },
  version_number: { type: 'number', of: ({ version }) => version },
  run_id: { type: 'text', of: ({ run }) => run },
  source_path: { type: 'text', of: ({ source }) => source },
  creation_timestamp: { type: 'number', of: ({ createdAt }) => createdAt },
  last_updated_timestamp: { type: 'number', of: ({ updatedAt }) => updatedAt },
};

export async function searchModelVersions({ world, fields }: Call): Promise<Answer> {
  const max = readMax(fields, 200_000, 200_000);
  await world.log.catalogSettled();
  const { registry } = world.backend;
  const [models, versions] = await Promise.all([registry.models(world.name), registry.versions(world.name)]);
  const byName = new Map(models.map((model) => [model.name, model]));
  const filter = fields.text('filter');
  const shown = listed(filter);
  const matching = filterRows(
    versions.filter(({ tags }) => shown(tags)),
    filter,
    { attribute: versionColumns, tag: ({ tags }, key) => listedTag(tags, key) },
  );
  const usual = ['last_updated_timestamp DESC', 'name ASC', 'version_number DESC'];
  const ordered = orderRows(matching, fields.texts('order_by'), versionColumns, usual);
  const { rows, token } = pageOf(ordered, max, fields.text('page_token'));
  return {
    model_versions: rows.map((version) => writeVersion(version, byName.get(version.name))),
    ...(token === null ? {} : { next_page_token: token }),
  };
}

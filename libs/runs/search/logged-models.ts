import type { ModelMetric } from '#libs/domain/event.js';
import type { LoggedModelState } from '#libs/domain/logged-model-fold.js';
import { given } from '#libs/domain/run-fold-facts.js';
import { filterRows, type Column } from './listing.js';

export interface MeasuredModel {
  readonly model: LoggedModelState;
  readonly metrics: readonly ModelMetric[];
}

export const modelColumns: Readonly<Record<string, Column<MeasuredModel>>> = {
  name: { type: 'text', of: ({ model }) => model.name },
  model_id: { type: 'text', of: ({ model }) => model.id },
  model_type: { type: 'text', of: ({ model }) => model.modelType },
  status: { type: 'text', of: ({ model }) => model.status },
  source_run_id: { type: 'text', of: ({ model }) => model.run },
  creation_timestamp: { type: 'number', of: ({ model }) => model.createdAt },
  creation_time: { type: 'number', of: ({ model }) => model.createdAt },
  last_updated_timestamp: { type: 'number', of: ({ model }) => model.updatedAt },
  last_updated_time: { type: 'number', of: ({ model }) => model.updatedAt },
};

/** A param as text; what is no text stays as its JSON. */
export function paramText(json: string): string {
  const value: unknown = JSON.parse(json);
  return typeof value === 'string' ? value : json;
}

/** `metrics.acc > 0.9 and params.C = '0.1' and name like '%tree%'`; only metrics that are in scope count. */
export function filterModels<Row extends MeasuredModel>(
  rows: readonly Row[],
  filter: string,
  inScope: (metric: ModelMetric) => boolean = () => true,
  columns: Readonly<Record<string, Column<Row>>> = modelColumns,
): readonly Row[] {
  return filterRows(rows, filter, {
    attribute: columns,
    tag: ({ model }, key) => given(model.tags, key),
    param: ({ model }, key) => (Object.hasOwn(model.params, key) ? paramText(model.params[key]!) : undefined),
    metric: (row, key) => row.metrics.filter((each) => each.key === key && inScope(each)).map(({ value }) => value),
  });
}

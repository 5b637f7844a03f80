import { Rejection } from '#libs/domain/rejection.js';
import type { Filter, Identifier, Literal, Order } from '#libs/runs/search/ast.js';
import type { Clause } from '#libs/runs/search/comparisons.js';
import { parseOrder } from '#libs/runs/search/parser.js';
import { readOffset, writeOffset, type Answer, type Call } from './call.js';
import { viewOf } from './experiments.js';
import { checkValues, readClauses } from '#libs/runs/search/listing.js';
import { invalid } from './mlflow-error.js';
import { mlflowLimits } from './names.js';
import { endTag, nameTag, noteTag, runArtifacts, statusTag, writeRun } from './run-answers.js';
import type { Experiment } from './world.js';

const attributes: Readonly<Record<string, { readonly of: Identifier; readonly type: 'text' | 'number' }>> = {
  run_id: { of: { kind: 'attributes', key: 'id' }, type: 'text' },
  run_name: { of: { kind: 'attributes', key: 'name' }, type: 'text' },
  'run name': { of: { kind: 'attributes', key: 'name' }, type: 'text' },
  user_id: { of: { kind: 'attributes', key: 'user' }, type: 'text' },
  status: { of: { kind: 'shown', key: 'status' }, type: 'text' },
  start_time: { of: { kind: 'attributes', key: 'started_at' }, type: 'number' },
  created: { of: { kind: 'attributes', key: 'started_at' }, type: 'number' },
  end_time: { of: { kind: 'shown', key: 'end' }, type: 'number' },
  artifact_uri: { of: { kind: 'shown', key: 'location' }, type: 'text' },
};
const words = Object.fromEntries(Object.entries(attributes).map(([name, { of }]) => [name, of]));
const kinds: Readonly<Record<string, 'metrics' | 'params' | 'tags' | 'attributes' | 'datasets'>> = {
  '': 'attributes',
  attribute: 'attributes',
  attributes: 'attributes',
  attr: 'attributes',
  run: 'attributes',
  metric: 'metrics',
  metrics: 'metrics',
  param: 'params',
  params: 'params',
  parameter: 'params',
  parameters: 'params',
  tag: 'tags',
  tags: 'tags',
  dataset: 'datasets',
  datasets: 'datasets',
};

/** What a clause names, and how it is compared. */
function named({ kind, key }: Clause): { readonly of: Identifier; readonly type: 'text' | 'number' } {
  const found = Object.hasOwn(kinds, kind) ? kinds[kind]! : null;
  switch (found) {
    case null:
      throw invalid(
        `Invalid entity type '${kind}'. Valid values are ['attribute', 'metric', 'parameter', 'tag', 'dataset']`,
      );
    case 'metrics':
      return { of: { kind: found, key }, type: 'number' };
    case 'params':
      return { of: { kind: found, key }, type: 'text' };
    case 'tags': {
      if (key === nameTag) return { of: { kind: 'attributes', key: 'name' }, type: 'text' };
      if (key === noteTag) return { of: { kind: 'attributes', key: 'notes' }, type: 'text' };
      return { of: { kind: found, key }, type: 'text' };
    }
    case 'datasets':
      if (key !== 'name' && key !== 'digest' && key !== 'context')
        throw invalid(`Invalid dataset key '${key}' specified. Valid keys are 'name', 'digest', 'context'`);
      return { of: { kind: found, key }, type: 'text' };
    case 'attributes': {
      const attribute = attributes[key.toLowerCase()];
      if (!attribute || !Object.hasOwn(attributes, key.toLowerCase()))
        throw invalid(
          `Invalid attribute key '${key}' specified. Valid keys are '${Object.keys(attributes).join("', '")}'`,
        );
      return attribute;
    }
  }
}

export function toFilter(text: string): Filter | null {
  const parts = readClauses(text).map((clause): Filter => {
    const { of, type } = named(clause);
    checkValues(clause, type);
    const values = of.key === 'status' && of.kind === 'shown' ? clause.values.map(statusValue) : clause.values;
    const { operator, at } = clause;
    switch (operator) {
      case 'is null':
      case 'is not null':
        return { kind: 'null', of, negated: operator === 'is not null' };
      case 'in':
      case 'not in':
        if (of.kind === 'metrics' || of.kind === 'params' || of.kind === 'tags')
          throw invalid(`Invalid comparator '${operator.toUpperCase()}' for ${of.kind}`);
        return { kind: 'in', of, negated: operator === 'not in', values, at };
      case 'rlike':
        throw invalid(`Invalid comparator 'RLIKE' for ${of.kind}`);
      case '=':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
      case 'like':
      case 'ilike':
        return { kind: 'compare', of, operator, value: values[0]!, at };
    }
  });
  return parts.length === 0 ? null : parts.length === 1 ? parts[0]! : { kind: 'and', parts };
}
const statusValue = (value: Literal): Literal => String(value).toLowerCase();

export function toOrders(texts: readonly string[]): readonly Order[] {
  const seen = new Set<string>();
  return texts.map((text) => {
    let parsed: readonly Order[];
    try {
      parsed = parseOrder(text, words);
    } catch (error) {
      if (error instanceof Rejection) throw invalid(`Invalid order_by clause '${text}'. ${error.message}`);
      throw error;
    }
    const [order] = parsed;
    if (!order || parsed.length !== 1) throw invalid(`Invalid order_by clause '${text}'.`);
    const { of } = order;
    const name = `${of.kind} ${of.key}`;
    if (seen.has(name)) throw invalid(`\`order_by\` contains duplicate fields: ${texts.join(', ')}`);
    seen.add(name);
    if (of.kind !== 'tags' || (of.key !== nameTag && of.key !== noteTag)) return order;
    return { ...order, of: { kind: 'attributes', key: of.key === nameTag ? 'name' : 'notes' } };
  });
}

function locationOf(experiment: Experiment) {
  const [before, after] = runArtifacts(experiment, '\0').split('\0');
  return { project: experiment.name, before: before!, after: after! };
}

export async function searchRuns({ world, fields }: Call): Promise<Answer> {
  const max = fields.whole('max_results') ?? 1_000;
  if (max < 1 || max > mlflowLimits.searchResultsMax)
    throw invalid(
      `Invalid value ${max} for parameter 'max_results' supplied. It must be at most ${mlflowLimits.searchResultsMax}, and at least 1`,
    );
  const ids = new Set(fields.texts('experiment_ids').map((id) => (/^-?\d+$/.test(id) ? Number(id) : NaN)));
  const offset = readOffset(fields.text('page_token'));
  const filter = fields.text('filter');
  const query = { filter: toFilter(filter), source: filter, orders: toOrders(fields.texts('order_by')) };
  const view = viewOf(fields.choice('run_view_type'));
  const experiments = (await world.experiments()).filter(({ number }) => ids.has(number));
  await world.log.settled();
  const found = await world.backend.tracking.search({
    projects: experiments.flatMap(({ deleted, name }) => (deleted ? [] : [name])),
    deletedProjects: experiments.flatMap(({ deleted, name }) => (deleted ? [name] : [])),
    view,
    ...query,
    shown: { statusTag, endTag, locations: experiments.map(locationOf) },
    limit: max,
    offset,
  });
  const byKey = new Map(experiments.map((experiment) => [experiment.name, experiment]));
  const runs: Answer[] = [];
  for (const run of found.slice(0, max)) {
    const experiment = byKey.get(run.state.facts.project.value);
    if (experiment) runs.push(await writeRun(world, run, experiment));
  }
  return { runs, ...(found.length > max ? { next_page_token: writeOffset(offset + max) } : {}) };
}

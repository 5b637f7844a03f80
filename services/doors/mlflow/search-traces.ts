import { expression as readExpression, type Clause } from '#libs/runs/search/comparisons.js';
import type { TraceField, TraceSearch } from '#libs/runs/tracking-tables.js';
import { readOffset, writeOffset, type Answer, type Call } from './call.js';
import { checkValues, readClauses } from './listing.js';
import { invalid } from './mlflow-error.js';
import { mlflowLimits } from './names.js';
import { writeTraceInfo } from './trace-answers.js';
import type { FoundTrace } from './traces.js';

const kinds: Readonly<Record<string, 'attribute' | 'tag' | 'metadata' | 'span' | 'feedback' | 'expectation'>> = {
  '': 'attribute',
  attribute: 'attribute',
  attributes: 'attribute',
  trace: 'attribute',
  tag: 'tag',
  tags: 'tag',
  request_metadata: 'metadata',
  metadata: 'metadata',
  span: 'span',
  feedback: 'feedback',
  expectation: 'expectation',
};
const column = (name: Extract<TraceField, { kind: 'column' }>['name']): TraceField => ({ kind: 'column', name });
const attributes: Readonly<Record<string, { readonly of: TraceField; readonly type: 'text' | 'number' }>> = {
  request_id: { of: column('id'), type: 'text' },
  trace_id: { of: column('id'), type: 'text' },
  timestamp: { of: column('timeMs'), type: 'number' },
  timestamp_ms: { of: column('timeMs'), type: 'number' },
  execution_time: { of: column('durationMs'), type: 'number' },
  execution_time_ms: { of: column('durationMs'), type: 'number' },
  end_time: { of: column('endMs'), type: 'number' },
  end_time_ms: { of: column('endMs'), type: 'number' },
  status: { of: column('state'), type: 'text' },
  state: { of: column('state'), type: 'text' },
  client_request_id: { of: column('clientRequestId'), type: 'text' },
  name: { of: { kind: 'tag', key: 'mlflow.traceName' }, type: 'text' },
  run_id: { of: { kind: 'run' }, type: 'text' },
  text: { of: { kind: 'spans' }, type: 'text' },
};

function named(kind: string, key: string): { readonly of: TraceField; readonly type: 'text' | 'number' | null } {
  const found = Object.hasOwn(kinds, kind) ? kinds[kind]! : null;
  switch (found) {
    case null:
      throw invalid(
        `Invalid entity type '${kind}'. Valid values are ['attribute', 'tag', 'request_metadata', 'span', 'feedback', 'expectation']`,
      );
    case 'attribute': {
      const name = key.toLowerCase();
      if (!Object.hasOwn(attributes, name))
        throw invalid(
          `Invalid attribute key '${key}' specified. Valid keys are '${Object.keys(attributes).join("', '")}'`,
        );
      return attributes[name]!;
    }
    case 'span': {
      const attribute = /^attributes\.(.+)$/s.exec(key)?.[1];
      if (attribute !== undefined) return { of: { kind: 'span', field: 'attribute', key: attribute }, type: 'text' };
      if (key === 'content') return { of: { kind: 'spans' }, type: 'text' };
      if (key === 'name' || key === 'type' || key === 'status')
        return { of: { kind: 'span', field: key, key: '' }, type: 'text' };
      throw invalid(
        `Invalid span attribute '${key}'. Supported attributes: name, status, type, attributes.<attribute_name>, content.`,
      );
    }
    case 'tag':
    case 'metadata':
      return { of: { kind: found, key }, type: 'text' };
    case 'feedback':
    case 'expectation':
      return { of: { kind: found, key }, type: null };
  }
}

function toClause(clause: Clause): TraceSearch['clauses'][number] {
  const { of, type } = named(clause.kind, clause.key);
  if (type !== null) checkValues(clause, type);
  if (of.kind === 'spans' && !['like', 'ilike', 'rlike'].includes(clause.operator))
    throw invalid(
      `Invalid comparator '${clause.operator}' for the text of spans: only LIKE, ILIKE and RLIKE are supported`,
    );
  if (clause.operator === 'rlike') readExpression(String(clause.values[0]));
  return { of, operator: clause.operator, values: clause.values };
}

const orderClause = /^\s*(?:(\w+)\.)?(?:`([^`]+)`|"([^"]+)"|([\w.]+))(?:\s+(asc|desc))?\s*$/i;
const orderable = new Set<TraceField['kind']>(['column', 'tag', 'metadata', 'run']);

function toOrders(texts: readonly string[]): TraceSearch['orders'] {
  const seen = new Set<string>();
  return texts.map((text) => {
    const [, kind = '', tick, quoted, plain, direction = 'asc'] = orderClause.exec(text) ?? [];
    const key = tick ?? quoted ?? plain;
    if (key === undefined) throw invalid(`Invalid order_by clause '${text}'.`);
    // of the keys that order, only this one can't be asked for in a filter
    const of = kind === '' && key === 'experiment_id' ? column('project') : named(kind.toLowerCase(), key).of;
    if (!orderable.has(of.kind)) throw invalid(`Invalid order_by clause '${text}': traces are not ordered by it`);
    const name = JSON.stringify(of);
    if (seen.has(name)) throw invalid(`\`order_by\` contains duplicate fields: ${texts.join(', ')}`);
    seen.add(name);
    return { of, descending: direction.toLowerCase() === 'desc' };
  });
}

/** Pages are no longer than this; clients ask for the next one until they have what they want. */
const pageMax = 1_000;

export async function searchTraces(call: Call): Promise<Answer> {
  const { found, token } = await pageOfTraces(call);
  return {
    traces: found.map(({ trace, experiment }) => writeTraceInfo(trace, experiment)),
    ...(token === null ? {} : { next_page_token: token }),
  };
}

/** One page, and the token of the next one. */
export async function pageOfTraces({ world, fields }: Call): Promise<{ found: FoundTrace[]; token: string | null }> {
  const max = fields.whole('max_results') ?? 100;
  if (max < 1 || max > mlflowLimits.searchResultsMax)
    throw invalid(
      `Invalid value ${max} for parameter 'max_results' supplied. It must be at most ${mlflowLimits.searchResultsMax}, and at least 1`,
    );
  const asked = fields
    .objects('locations')
    .map((item) => item.object('mlflow_experiment')?.text('experiment_id') ?? '');
  const ids = new Set([...asked, ...fields.texts('experiment_ids')]);
  const offset = readOffset(fields.text('page_token'));
  const limit = Math.min(max, pageMax);
  const query = {
    clauses: readClauses(fields.text('filter')).map(toClause),
    orders: toOrders(fields.texts('order_by')),
    limit,
    offset,
  };
  const experiments = (await world.experiments()).filter(({ number }) => ids.has(String(number)));
  await world.log.settled();
  const byKey = new Map(experiments.map((experiment) => [experiment.name, experiment]));
  const found = await world.backend.tracking.traces.search({ projects: [...byKey.keys()], ...query });
  return {
    found: found.slice(0, limit).map((trace) => ({ trace, experiment: byKey.get(trace.project)! })),
    token: found.length > limit ? writeOffset(offset + limit) : null,
  };
}

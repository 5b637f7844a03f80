import { Rejection } from '#libs/domain/rejection.js';
import type { TraceField, TraceSearch } from '../tracking-tables.js';
import { expression as readExpression, type Clause } from './comparisons.js';
import { checkValues, readClauses } from './listing.js';

const invalid = (message: string): Rejection => new Rejection('INVALID_ARGUMENT', message, 'filter');
const unordered = (message: string): Rejection => new Rejection('INVALID_ARGUMENT', message, 'order_by');

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

/** `status = 'ERROR' and span.name like '%ask%'` as the clauses of a search, in MLflow's language. */
export const readTraceFilter = (filter: string): TraceSearch['clauses'] => readClauses(filter).map(toClause);

const orderClause = /^\s*(?:(\w+)\.)?(?:`([^`]+)`|"([^"]+)"|([\w.]+))(?:\s+(asc|desc))?\s*$/i;
const orderable = new Set<TraceField['kind']>(['column', 'tag', 'metadata', 'run']);

export function readTraceOrders(texts: readonly string[]): TraceSearch['orders'] {
  const seen = new Set<string>();
  return texts.map((text) => {
    const [, kind = '', tick, quoted, plain, direction = 'asc'] = orderClause.exec(text) ?? [];
    const key = tick ?? quoted ?? plain;
    if (key === undefined) throw unordered(`Invalid order_by clause '${text}'.`);
    // of the keys that order, only this one can't be asked for in a filter
    const of = kind === '' && key === 'experiment_id' ? column('project') : named(kind.toLowerCase(), key).of;
    if (!orderable.has(of.kind)) throw unordered(`Invalid order_by clause '${text}': traces are not ordered by it`);
    const name = JSON.stringify(of);
    if (seen.has(name)) throw unordered(`\`order_by\` contains duplicate fields: ${texts.join(', ')}`);
    seen.add(name);
    return { of, descending: direction.toLowerCase() === 'desc' };
  });
}

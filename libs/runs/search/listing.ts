import { Rejection } from '#libs/domain/rejection.js';
import { fits, parseClauses, type Clause } from './comparisons.js';

const invalid = (message: string): Rejection => new Rejection('INVALID_ARGUMENT', message, 'filter');
const unordered = (message: string): Rejection => new Rejection('INVALID_ARGUMENT', message, 'order_by');

/** Listing what is few enough to be read whole: experiments, registered models, versions, logged models. */
export interface Column<Row> {
  readonly type: 'text' | 'number';
  readonly of: (row: Row) => string | number | undefined;
}
type Columns<Row> = Readonly<Record<string, Column<Row>>>;
/** By key: what a row has under it. */
type Lookup<Row> = (row: Row, key: string) => string | undefined;

export interface Kinds<Row> {
  readonly attribute: Columns<Row>;
  readonly tag?: Lookup<Row>;
  readonly param?: Lookup<Row>;
  /** All values of a metric: one that fits will do. */
  readonly metric?: (row: Row, key: string) => readonly number[];
  /** `!=` on a tag that is not there holds, as in the one filter with which MLflow's client hides prompts. */
  readonly absentTagDiffers?: boolean;
}

const singular: Readonly<Record<string, 'attribute' | 'tag' | 'param' | 'metric'>> = {
  '': 'attribute',
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  tag: 'tag',
  tags: 'tag',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
  metric: 'metric',
  metrics: 'metric',
};

export function readClauses(filter: string): readonly Clause[] {
  try {
    return parseClauses(filter);
  } catch (error) {
    if (error instanceof Rejection) throw invalid(`Invalid clause(s) in filter string: ${error.message}`);
    throw error;
  }
}

export function filterRows<Row>(rows: readonly Row[], filter: string, kinds: Kinds<Row>): readonly Row[] {
  const tests = readClauses(filter).map((clause) => testOf(clause, kinds));
  return tests.length === 0 ? rows : rows.filter((row) => tests.every((test) => test(row)));
}

function testOf<Row>(clause: Clause, kinds: Kinds<Row>): (row: Row) => boolean {
  const kind = Object.hasOwn(singular, clause.kind) ? singular[clause.kind]! : null;
  const { key } = clause;
  if (kind === 'attribute') {
    const column = Object.hasOwn(kinds.attribute, key) ? kinds.attribute[key]! : null;
    if (!column)
      throw invalid(
        `Invalid attribute key '${key}' specified. Valid keys are '${Object.keys(kinds.attribute).join("', '")}'`,
      );
    checkValues(clause, column.type);
    return (row) => fits(clause, column.of(row));
  }
  if (kind === 'metric' && kinds.metric) {
    const { metric } = kinds;
    checkValues(clause, 'number');
    return (row) => metric(row, key).some((value) => fits(clause, value));
  }
  const look = kind === 'tag' || kind === 'param' ? kinds[kind] : undefined;
  if (!look) throw invalid(`Invalid entity type '${clause.kind}' in filter '${clause.kind}.${key}'`);
  checkValues(clause, 'text');
  if (kind === 'tag' && kinds.absentTagDiffers === true && clause.operator === '!=')
    return (row) => look(row, key) === undefined || fits(clause, look(row, key));
  return (row) => fits(clause, look(row, key));
}

/** Numbers are compared to numbers and texts to texts in quotes. */
export function checkValues(clause: Clause, type: 'text' | 'number'): void {
  const { key, values, operator } = clause;
  if (type === 'number') {
    if (operator === 'like' || operator === 'ilike')
      throw invalid(`Invalid comparator for numeric attribute '${key}': ${operator.toUpperCase()}`);
    const text = values.find((value) => typeof value !== 'number');
    if (text !== undefined) throw invalid(`Invalid value for numeric attribute '${key}': '${text}'`);
    return;
  }
  if (['<', '<=', '>', '>='].includes(operator) && values.every((value) => typeof value === 'string'))
    throw invalid(`Invalid comparator for string attribute '${key}': ${operator}`);
  const number = values.find((value) => typeof value !== 'string');
  if (number !== undefined)
    throw invalid(`Expected a quoted string value for '${key}' (e.g. 'my-value'). Got value ${number}`);
}

const orderClause = /^\s*(?:(?:attributes?|attr)\.)?[`"]?([\w ]+?)[`"]?(?:\s+(asc|desc))?\s*$/i;

/** By the columns asked for, then by the usual ones. */
export function orderRows<Row>(
  rows: readonly Row[],
  asked: readonly string[],
  columns: Columns<Row>,
  usual: readonly string[],
): readonly Row[] {
  const seen = new Set<string>();
  const orders = [...asked, ...usual].flatMap((text, index) => {
    const match = orderClause.exec(text);
    const key = match?.[1] ?? '';
    if (!match || !Object.hasOwn(columns, key))
      throw unordered(
        `Invalid order_by clause '${text}': order by key '${key}' is not valid. Valid keys are '${Object.keys(columns).join("', '")}'`,
      );
    if (seen.has(key)) {
      if (index < asked.length) throw unordered(`\`order_by\` contains duplicate fields: ${asked.join(', ')}`);
      return [];
    }
    seen.add(key);
    return [{ of: columns[key]!.of, sign: match[2]?.toLowerCase() === 'desc' ? -1 : 1 }];
  });
  return rows.toSorted((a, b) => {
    for (const { of, sign } of orders) {
      const [left, right] = [of(a), of(b)];
      if (left === right) continue;
      if (left === undefined) return 1;
      if (right === undefined) return -1;
      return left < right ? -sign : sign;
    }
    return 0;
  });
}

import { isObject } from '#libs/domain/plain-json.js';
import { invalid } from './read-input.js';
import type { Expression, Filter } from './shapes.js';

export type Found = Readonly<Record<string, unknown>>;
/** A property of a record by its name: none, one, or one of each of a list. */
export type Reader = (record: Found, name: string) => readonly unknown[];

const expressionsMax = 50;

/** Whether a record is what is searched for; refuses an expression that can't be read, before any record is looked at. */
export function matcherOf(expression: Expression | undefined, read: Reader): (record: Found) => boolean {
  if (!expression) return () => true;
  const budget = { left: expressionsMax };
  return compile(expression, read, budget);
}

function compile(expression: Expression, read: Reader, budget: { left: number }): (record: Found) => boolean {
  const { Filters: filters = [], NestedFilters: nested = [], SubExpressions: below = [] } = expression;
  budget.left -= filters.length + below.length + nested.reduce((sum, { Filters }) => sum + Filters.length, 0);
  if (budget.left < 0) throw invalid(`SearchExpression: at most ${expressionsMax} filters and expressions are taken.`);
  const tests = [
    ...filters.map((filter) => test(filter, read)),
    ...nested.map(({ NestedPropertyName: list, Filters }) => {
      // all of them of one and the same item
      const each = Filters.map((filter) => test({ ...filter, Name: withoutList(filter.Name, list) }, readPlain));
      return (record: Found) => itemsOf(record, list).some((item) => each.every((matches) => matches(item)));
    }),
    ...below.map((each) => compile(each, read, budget)),
  ];
  if (tests.length === 0) return () => true;
  return expression.Operator === 'Or'
    ? (record) => tests.some((matches) => matches(record))
    : (record) => tests.every((matches) => matches(record));
}

const withoutList = (name: string, list: string): string =>
  name.startsWith(`${list}.`) ? name.slice(list.length + 1) : name;
function itemsOf(record: Found, list: string): readonly Found[] {
  const value = record[list];
  return Array.isArray(value) ? value.filter(isObject) : isObject(value) ? [value] : [];
}
export const readPlain: Reader = (record, name) => {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  return value === undefined ? [] : [value];
};

type Test = (record: Found) => boolean;

function test({ Name: name, Operator: operator, Value: value }: Filter, read: Reader): Test {
  if (operator === 'Exists') return (record) => read(record, name).length > 0;
  if (operator === 'NotExists') return (record) => read(record, name).length === 0;
  if (value === undefined) throw invalid(`Filter on '${name}': the operator ${operator} needs a Value.`);
  const wanted = operator === 'In' ? value.split(',').map((text) => text.trim()) : [value];
  const ignoreCase = name.endsWith('Name');
  const some = (holds: (known: unknown, value: string) => boolean): Test => {
    return (record) => read(record, name).some((known) => wanted.some((text) => holds(known, text)));
  };
  const order = (holds: (sign: number) => boolean): Test =>
    some((known, text) => {
      const sign = compare(known, text);
      return sign !== null && holds(sign);
    });
  switch (operator) {
    case 'Equals':
    case 'In':
      return some((known, text) => same(known, text, ignoreCase));
    case 'NotEquals':
      return (record) => !read(record, name).some((known) => same(known, value, ignoreCase));
    case 'Contains':
      return some(
        (known, text) => typeof known === 'string' && textOf(known, ignoreCase).includes(textOf(text, ignoreCase)),
      );
    case 'GreaterThan':
      return order((sign) => sign > 0);
    case 'GreaterThanOrEqualTo':
      return order((sign) => sign >= 0);
    case 'LessThan':
      return order((sign) => sign < 0);
    case 'LessThanOrEqualTo':
      return order((sign) => sign <= 0);
  }
}

const textOf = (text: string, ignoreCase: boolean): string => (ignoreCase ? text.toLowerCase() : text);

function same(known: unknown, text: string, ignoreCase: boolean): boolean {
  if (typeof known === 'string') return textOf(known, ignoreCase) === textOf(text, ignoreCase);
  return compare(known, text) === 0;
}

/** Numbers as numbers, times as times, texts by their letters; null: they are not of one kind. */
function compare(known: unknown, text: string): number | null {
  if (typeof known === 'boolean') return String(known) === text.toLowerCase() ? 0 : null;
  if (typeof known === 'number') {
    const number = text.trim() === '' ? NaN : Number(text);
    const wanted = Number.isNaN(number) ? timeOf(text) : number;
    return Number.isNaN(wanted) ? null : Math.sign(known - wanted);
  }
  if (typeof known !== 'string') return null;
  return known < text ? -1 : known > text ? 1 : 0;
}

/** Seconds; a time without a zone is UTC. */
function timeOf(text: string): number {
  const match = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (!match) return NaN;
  const zoned = match[4] !== undefined || match[1] === undefined ? text : `${text}Z`;
  return Date.parse(zoned) / 1_000;
}

/** In the order of a property; what does not have it comes last. */
export function orderBy(rows: readonly Found[], name: string, descending: boolean, read: Reader): readonly Found[] {
  const keyed = rows.map((row) => ({ row, key: read(row, name)[0] }));
  const order = (a: unknown, b: unknown): number =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
  return keyed
    .sort((a, b) => {
      if (a.key === undefined || b.key === undefined)
        return (a.key === undefined ? 1 : 0) - (b.key === undefined ? 1 : 0);
      return descending ? order(b.key, a.key) : order(a.key, b.key);
    })
    .map(({ row }) => row);
}

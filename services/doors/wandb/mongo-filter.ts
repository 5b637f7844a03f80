import { runInNewContext } from 'node:vm';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';

/** What a filter may ask of a run: "state", "config.lr", "summary_metrics.loss", each with the value it has. */
export type Lookup = (path: string) => unknown;
export type Predicate = (lookup: Lookup) => boolean;

const depthMax = 20;
const matchMs = 100;

const refuse = (message: string): never => {
  throw new Rejection('INVALID_ARGUMENT', `filters: ${message}`, 'filters');
};

/** MongoDB's words as W&B's clients send them. Refuses what is no such filter. */
export function readFilter(text: string | null | undefined): Predicate {
  if (!text) return () => true;
  const filter = jsonOf(text);
  if (filter === null) return () => true;
  return isObject(filter) ? all(filter, depthMax) : refuse('must be a JSON object');
}

function all(filter: JsonObject, depth: number): Predicate {
  if (depth === 0) return refuse(`more than ${depthMax} levels`);
  const parts = Object.entries(filter).map(([key, value]) => part(key, value, depth));
  return (lookup) => parts.every((each) => each(lookup));
}

function part(key: string, value: unknown, depth: number): Predicate {
  switch (key) {
    case '$and':
    case '$or':
    case '$nor': {
      if (!Array.isArray(value)) return refuse(`${key} must be a list`);
      const parts = value.map((each) => (isObject(each) ? all(each, depth - 1) : refuse(`${key} must hold objects`)));
      if (key === '$and') return (lookup) => parts.every((each) => each(lookup));
      const negated = key === '$nor';
      return (lookup) => parts.some((each) => each(lookup)) !== negated;
    }
    case '$not': {
      const inner = isObject(value) ? all(value, depth - 1) : refuse('$not must be an object');
      return (lookup) => !inner(lookup);
    }
    default:
      break;
  }
  if (key.startsWith('$')) return refuse(`${key.slice(0, 40)} is not understood`);
  const conditions =
    isObject(value) && Object.keys(value).some((name) => name.startsWith('$'))
      ? Object.entries(value).map(([name, operand]) => condition(name, operand, depth))
      : [condition('$eq', value, depth)];
  return (lookup) => {
    const held = lookup(key);
    return conditions.every((each) => each(held));
  };
}

function condition(name: string, operand: unknown, depth: number): (held: unknown) => boolean {
  switch (name) {
    case '$eq':
      return (held) => equal(held, operand);
    case '$ne':
      return (held) => !equal(held, operand);
    case '$gt':
      return (held) => compare(held, operand, (order) => order > 0);
    case '$gte':
      return (held) => compare(held, operand, (order) => order >= 0);
    case '$lt':
      return (held) => compare(held, operand, (order) => order < 0);
    case '$lte':
      return (held) => compare(held, operand, (order) => order <= 0);
    case '$in':
    case '$nin': {
      if (!Array.isArray(operand)) return refuse(`${name} must be a list`);
      return (held) => operand.some((each) => equal(held, each)) === (name === '$in');
    }
    case '$exists':
      return (held) => (held !== undefined && held !== null) === (operand !== false);
    case '$regex':
      return matcher(operand);
    case '$not': {
      if (!isObject(operand) || depth === 0) return refuse('$not must be an object');
      const inner = Object.entries(operand).map(([each, value]) => condition(each, value, depth - 1));
      return (held) => !inner.every((each) => each(held));
    }
    default:
      return refuse(`${name.slice(0, 40)} is not understood`);
  }
}

/** A list has what one of its items is. */
function equal(held: unknown, operand: unknown): boolean {
  if (Array.isArray(held) && !Array.isArray(operand)) return held.some((each) => equal(each, operand));
  if (operand === null) return held === null || held === undefined;
  if (typeof held === 'object' || typeof operand === 'object')
    return JSON.stringify(held ?? null) === JSON.stringify(operand);
  return held === operand;
}

function compare(held: unknown, operand: unknown, holds: (order: number) => boolean): boolean {
  if (typeof held === 'number' && typeof operand === 'number') return holds(held - operand);
  if (typeof held === 'string' && typeof operand === 'string')
    return holds(held < operand ? -1 : held > operand ? 1 : 0);
  return false;
}

/** Somebody's pattern may take for ever: it is matched under a time limit. */
function matcher(operand: unknown): (held: unknown) => boolean {
  if (typeof operand !== 'string' || operand.length > 1_000) return refuse('$regex must be a text');
  const pattern = operand.replace(/^\(\?i\)/, '');
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return refuse(`$regex: ${(error as Error).message}`);
  }
  const flags = operand.startsWith('(?i)') ? 'iu' : 'u';
  return (held) => {
    if (typeof held !== 'string') return false;
    try {
      const context = { pattern, flags, text: held.slice(0, 10_000) };
      return runInNewContext('new RegExp(pattern, flags).test(text)', context, { timeout: matchMs }) as boolean;
    } catch {
      return refuse('$regex takes too long');
    }
  };
}

import type { Param } from '#libs/domain/event.js';
import { isDeeper } from '#libs/domain/json-depth.js';
import { limits } from '#libs/domain/limits.js';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { RunState } from '#libs/domain/run-fold.js';
import { hiddenParam } from '#libs/domain/hidden-param.js';
import { readLooseObject, writeStrictJson } from './loose-json.js';
import { seriesName } from './history-lines.js';
import { wellFormed } from './well-formed.js';

/** What W&B's client keeps in a config for itself: its version, what it saw of the machine, `define_metric`. */
export const ownParam = '_wandb';
/** One param holds a value whole; a larger one is taken apart by its keys. */
const paramCharsMax = limits.paramValueCharsMax;

/** A config as it comes: {"lr": {"value": 0.1, "desc": null}}. Its values as params, nested ones whole. */
export function readConfig(text: string): readonly Param[] {
  const config = readLooseObject(text);
  if (!config) throw new Rejection('INVALID_ARGUMENT', 'config: is not a JSON object', 'config');
  const params = new Map<string, string>();
  for (const [key, entry] of Object.entries(config))
    addParam(params, key, isObject(entry) && Object.hasOwn(entry, 'value') ? entry['value'] : entry);
  return [...params].map(([key, json]) => ({ key, json }));
}

function addParam(params: Map<string, string>, key: string, value: unknown): void {
  const deep = isDeeper(value, limits.jsonDepthMax);
  const json = deep ? '' : wellFormed(writeStrictJson(value ?? null));
  if (json.length <= paramCharsMax && !deep) {
    params.set(seriesName(key), json);
    return;
  }
  const inner = isObject(value) ? Object.entries(value) : Array.isArray(value) ? [...value.entries()] : [];
  if (inner.length > 0 && !deep) {
    for (const [name, each] of inner) addParam(params, `${key}.${name}`, each);
    return;
  }
  throw new Rejection(
    'TOO_LARGE',
    `config.${key.slice(0, 100)}: a value of ${json.length} characters; at most ${paramCharsMax} are kept, in at most ${limits.jsonDepthMax} levels`,
    'config',
  );
}

/** Params as a client reads a config. */
export function writeConfig(params: RunState['params']): JsonObject {
  return Object.fromEntries(
    Object.entries(params)
      .filter(([key]) => key === ownParam || !hiddenParam(key))
      .map(([key, { value }]) => [key, { desc: null, value: jsonOf(value) ?? null }]),
  );
}

/** Those whose value is another than the run has. */
export const changedParams = (params: readonly Param[], known: RunState['params']): readonly Param[] =>
  params.filter(({ key, json }) => !Object.hasOwn(known, key) || known[key]!.value !== json);

/** Params cut into lists that one event may carry. */
export function inEvents(params: readonly Param[]): readonly (readonly Param[])[] {
  const lists: Param[][] = [];
  let chars = Infinity;
  for (const param of params) {
    const size = param.key.length + param.json.length;
    const list = lists.at(-1);
    if (!list || chars + size > 200_000 || list.length >= 1_000) {
      lists.push([param]);
      chars = size;
    } else {
      list.push(param);
      chars += size;
    }
  }
  return lists;
}

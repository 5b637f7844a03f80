import { flatten, text } from './values.js';
import type { Message } from './wire.js';

/** Reads like an object; what is assigned to it is logged: `run.summary.best = 0.93`. */
export interface Values {
  [key: string]: unknown;
}
/** The tags and labels of a run. */
export interface Tags {
  /** Labels: tags without a value. */
  add(...labels: string[]): void;
  /** A tag with a value: at most 8,000 characters, what is longer is cut and that is said. */
  set(key: string, value: string): void;
  /** Removes tags and labels of these names. */
  remove(...keys: string[]): void;
}

/** An object whose changes are logged: run.summary.best = 0.93 */
export function createValues(
  changed: (values: readonly (readonly [string, unknown])[]) => void,
  start: Readonly<Record<string, unknown>> = {},
): Values {
  return new Proxy<Values>(
    { ...start },
    {
      set(target, key, value: unknown) {
        target[String(key)] = value;
        changed(flatten({ [String(key)]: value }));
        return true;
      },
    },
  );
}

/** Parts of at most so many items and about so many bytes. */
export function portions<T>(items: readonly T[], countMax: number, bytesOf: (item: T) => number): T[][] {
  const parts: T[][] = [];
  let bytes = portionBytesMax + 1;
  for (const item of items) {
    const more = bytesOf(item);
    if (bytes + more > portionBytesMax || parts.at(-1)!.length >= countMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)!.push(item);
    bytes += more;
  }
  return parts;
}
export const portionBytesMax = 400_000;

export interface Param {
  readonly key: string;
  readonly json: string;
}
export const paramBytes = ({ key, json }: Param): number => Buffer.byteLength(key) + Buffer.byteLength(json) + 32;
const tagsPerEventMax = 1_000;
const tagBytes = ([key, value]: readonly [string, string]): number => 4 * (key.length + value.length);

interface Sayer {
  say(name: string, data: Message): void;
  goodKey(key: string, what: string): boolean;
  cut(value: unknown, charsMax: number, what: string): string;
}

/** Tags in parts that fit into an event. */
export function tagParts(run: Sayer, values: unknown): Record<string, string>[] {
  const entries = flatten(values)
    .filter(([key]) => run.goodKey(text(key, 501), 'tag'))
    .map(([key, value]): [string, string] => [text(key, 500), run.cut(value, 8_000, `the value of tag "${key}"`)]);
  return portions(entries, tagsPerEventMax, tagBytes).map((part) => Object.fromEntries(part));
}
export const labelParts = (labels: readonly unknown[]): string[][] =>
  portions(labels.map((label) => text(label, 500)).filter(Boolean), tagsPerEventMax, (label) => 4 * label.length);

export function createTags(run: Sayer): Tags {
  const labels = new Set<string>();
  return {
    add(...added) {
      for (const part of labelParts(added)) {
        for (const label of part) labels.add(label);
        run.say('TagsSet', { labels: part });
      }
    },
    set(key, value) {
      for (const part of tagParts(run, { [text(key, 501)]: text(value, 8_001) })) run.say('TagsSet', { tags: part });
    },
    remove(...keys) {
      const said = keys.map((key) => text(key, 500));
      run.say('TagsSet', {
        removed: said.filter((key) => !labels.has(key)),
        labelsRemoved: said.filter((key) => labels.delete(key)),
      });
    },
  };
}

import type { Message } from './wire.js';

export interface Values {
  [key: string]: unknown;
}
export interface Tags {
  /** Labels: tags without a value. */
  add(...labels: string[]): void;
  set(key: string, value: string): void;
  remove(...keys: string[]): void;
}

function flatten(values: Readonly<Record<string, unknown>>, prefix = ''): [string, unknown][] {
  return Object.entries(values).flatMap(([key, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? flatten(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value]],
  );
}

/** Nested objects become keys with dots; what JSON can't say becomes a string. */
export function toParams(values: Readonly<Record<string, unknown>>): { key: string; json: string }[] {
  return flatten(values).flatMap(([key, value]) => {
    const plain = typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
    const json = JSON.stringify(plain) ?? JSON.stringify(String(plain));
    return key !== '' && key.length <= 500 && json.length <= 64_000 ? [{ key, json }] : [];
  });
}

/** An object whose changes are logged: run.summary.best = 0.93 */
export function createValues(changed: (values: Record<string, unknown>) => void): Values {
  return new Proxy<Values>(
    {},
    {
      set(target, key, value: unknown) {
        target[String(key)] = value;
        changed({ [String(key)]: value });
        return true;
      },
    },
  );
}

export function createTags(changed: (change: Message) => void): Tags {
  const labels = new Set<string>();
  return {
    add(...added) {
      for (const label of added) labels.add(label);
      changed({ labels: added });
    },
    set: (key, value) => changed({ tags: { [key]: value.slice(0, 8_000) } }),
    remove(...keys) {
      changed({
        removed: keys.filter((key) => !labels.has(key)),
        labelsRemoved: keys.filter((key) => labels.delete(key)),
      });
    },
  };
}

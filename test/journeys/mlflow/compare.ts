import type { Request } from './requests.js';

export interface Heard {
  readonly status: number;
  readonly body: unknown;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Plays requests to one server, with what its own answers named. */
export class Player {
  private readonly saved = new Map<string, string>();

  constructor(private readonly url: string) {}

  async play({ method, path, body, headers, save }: Request): Promise<Heard> {
    const content = body === undefined ? undefined : this.fill(typeof body === 'string' ? body : JSON.stringify(body));
    const answer = await fetch(`${this.url}${this.fill(path)}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...Object.fromEntries(Object.entries(headers ?? {}).map(([key, value]) => [key, this.fill(value)])),
      },
      ...(content === undefined ? {} : { body: content }),
    });
    const text = await answer.text();
    const heard = readJson(text);
    for (const [name, at] of Object.entries(save ?? {})) {
      const value = at.split('.').reduce<unknown>((held, key) => (isObject(held) ? held[key] : undefined), heard);
      if (typeof value === 'string') this.saved.set(name, value);
    }
    return { status: answer.status, body: this.normal(heard, '') };
  }

  private fill(text: string): string {
    return text.replaceAll(/\$([a-z]+)/g, (whole, name: string) => this.saved.get(name) ?? whole);
  }

  /** Names for ids, words for times, no order where none is promised. */
  private normal(value: unknown, key: string): unknown {
    if (Array.isArray(value)) {
      const items = value.map((item) => this.normal(item, key));
      return unordered.has(key) ? items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
    }
    if (isObject(value)) {
      const entries = Object.entries(value)
        .map(([name, held]) => [name, this.normal(held, name)] as const)
        .filter(([, held]) => !isNothing(held));
      return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    }
    if (typeof value === 'number') return value > 1_750_000_000_000 ? '<now>' : value;
    if (typeof value !== 'string') return value;
    // numbers of 64 bits may be texts
    if (key.endsWith('_nano') && /^\d+$/.test(value)) return this.normal(Number(value), key);
    if (/^[[{]/.test(value) && typeof readJson(value) === 'object') return this.normal(readJson(value), key);
    let text = value;
    for (const [name, id] of this.saved) if (id.length > 2) text = text.replaceAll(id, `<${name}>`);
    return text
      .replaceAll(/20[2-9][5-9]-\d\d-\d\dT[\d:.]+Z/g, '<now>')
      .replaceAll(/\b(m-|a-)?[0-9a-f]{32}\b/g, (id, kind: string | undefined) =>
        /^(.)\1+$/.test(id.slice(kind?.length ?? 0)) ? id : `${kind ?? ''}<id>`,
      );
  }
}

/** Clients read an empty list, object or text as they read none. */
const isNothing = (value: unknown): boolean =>
  value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Lists of pairs come in the order of a table's rows, or of an object's keys. */
const unordered = new Set([
  'tags',
  'params',
  'metrics',
  'dataset_inputs',
  'attributes',
  'aliases',
  'dataset_summaries',
]);

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** What a program can tell apart: of a refusal its status and code, not the words for people. */
export function told({ status, body }: Heard): unknown {
  if (status < 400) return { status, body };
  return { status, code: isObject(body) ? (body['error_code'] ?? null) : null };
}

/** Paths at which two answers differ, with both values. */
export function differences(theirs: unknown, ours: unknown, at = ''): string[] {
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    const length = Math.max(theirs.length, ours.length);
    return Array.from({ length }, (_, i) => differences(theirs[i], ours[i], `${at}[${i}]`)).flat();
  }
  if (isObject(theirs) && isObject(ours)) {
    const keys = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])];
    return keys.flatMap((key) => differences(theirs[key], ours[key], `${at}.${key}`));
  }
  const [left, right] = [JSON.stringify(theirs) ?? 'nothing', JSON.stringify(ours) ?? 'nothing'];
  return left === right ? [] : [`${at}: MLflow ${left.slice(0, 300)}, Runstream ${right.slice(0, 300)}`];
}

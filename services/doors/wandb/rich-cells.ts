import type { RichKind, RichValue } from '#libs/domain/event.js';
import { isDeeper } from '#libs/domain/json-depth.js';
import { limits } from '#libs/domain/limits.js';
import { isObject, jsonOf, type JsonObject } from '#libs/domain/plain-json.js';
import { mimeOf } from '../shared/mime.js';
import type { OddCell } from './history-lines.js';
import { writeLooseJson, writeStrictJson } from './loose-json.js';
import { wellFormed } from './well-formed.js';

/** What the client said of a value, word for word, so that it reads back what it wrote. */
export const clientFact = 'wandb';

const fileKinds: Readonly<Record<string, RichKind>> = {
  'image-file': 'image',
  'audio-file': 'audio',
  'video-file': 'video',
  'html-file': 'html',
};
const imageListMax = 1_000;

/** A cell of a history line that is no number, as values of ours; null: it is larger than one value may be. */
export function richValues(cell: OddCell): readonly RichValue[] | null {
  const { value } = cell;
  if (typeof value === 'string') return text(cell, value, 'text/plain', {});
  if (isDeeper(value, limits.jsonDepthMax)) return null;
  const said = wellFormed(writeLooseJson(value));
  const facts = said.length <= limits.tagValueCharsMax ? { [clientFact]: said } : {};
  if (isObject(value)) {
    const known = media(cell, value, facts);
    if (known) return known;
  }
  return text(cell, said, 'application/json', { [clientFact]: 'json' });
}

const empty = { index: 0, count: 0, text: '', data: new Uint8Array(0), digest: '', sizeBytes: 0, caption: '' } as const;

function text(cell: OddCell, said: string, mime: string, facts: Readonly<Record<string, string>>) {
  const kept = wellFormed(said);
  if (kept.length > limits.richTextCharsMax) return null;
  const { key, step, timeMs } = cell;
  return [{ ...empty, key, step, timeMs, kind: 'text' as const, mime, text: kept, facts }];
}

function media({ key, step, timeMs }: OddCell, value: JsonObject, facts: Readonly<Record<string, string>>) {
  const at = { ...empty, key, step, timeMs };
  const type = value['_type'];
  if (type === 'histogram') {
    const histogram = writeStrictJson({ edges: value['bins'], counts: value['values'] });
    const [edges, counts] = [value['bins'], value['values']];
    const whole = Array.isArray(edges) && Array.isArray(counts) && edges.length === counts.length + 1;
    if (!whole || histogram.length > limits.richTextCharsMax) return null;
    return [{ ...at, kind: 'histogram' as const, mime: 'application/json', text: histogram, facts }];
  }
  const { path, sha256, size } = value;
  if (typeof path !== 'string' || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return null;
  const kind = typeof type === 'string' && Object.hasOwn(fileKinds, type) ? fileKinds[type]! : 'file';
  return [
    {
      ...at,
      kind,
      mime: mimeOf(path),
      digest: `sha256:${sha256}`,
      sizeBytes: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0,
      caption: captionOf(value['caption']),
      facts: { ...facts, ...sizeFacts(value) },
    },
  ];
}

const captionOf = (value: unknown): string =>
  typeof value === 'string' ? wellFormed(value.slice(0, limits.tagValueCharsMax)) : '';

function sizeFacts(value: JsonObject): Readonly<Record<string, string>> {
  const named = ['width', 'height', 'nrows', 'ncols'].filter((name) => typeof value[name] === 'number');
  return Object.fromEntries(named.map((name) => [name, String(value[name])]));
}

/** The files without which a cell can't be shown as what it is: their digests are known when they are uploaded. */
export function filesOf({ value }: OddCell): readonly string[] {
  if (!isObject(value)) return [];
  const { _type: type, path, filenames } = value;
  if (type === 'table-file' && typeof path === 'string') return [path];
  if (type !== 'images/separated' || !Array.isArray(filenames) || filenames.length > imageListMax) return [];
  return filenames.every((each) => typeof each === 'string') ? (filenames as string[]) : [];
}

export interface UploadedFile {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Of a table. */
  readonly text: string;
}

/** The same cell when its files are there. */
export function withFiles(cell: OddCell, files: readonly UploadedFile[]): readonly RichValue[] | null {
  const { key, step, timeMs, value } = cell;
  if (!isObject(value)) return null;
  const said = wellFormed(writeLooseJson(value));
  const facts = said.length <= limits.tagValueCharsMax ? { [clientFact]: said } : {};
  const at = { ...empty, key, step, timeMs };
  if (value['_type'] === 'table-file') {
    const table = jsonOf(files[0]!.text);
    if (!isObject(table) || !Array.isArray(table['columns']) || !Array.isArray(table['data'])) return null;
    const shown = JSON.stringify({ columns: table['columns'].map(String), rows: table['data'] });
    if (shown.length > limits.richTextCharsMax || isDeeper(table, limits.jsonDepthMax)) return null;
    return [{ ...at, kind: 'table', mime: 'application/json', text: wellFormed(shown), facts }];
  }
  const captions = Array.isArray(value['captions']) ? (value['captions'] as unknown[]) : [];
  const names = filesOf(cell);
  return files.map(({ digest, sizeBytes }, index) => ({
    ...at,
    kind: 'image' as const,
    index,
    count: files.length,
    mime: mimeOf(names[index]!),
    digest,
    sizeBytes,
    caption: captionOf(captions[index]),
    facts: { ...(index === 0 ? facts : {}), ...sizeFacts(value) },
  }));
}

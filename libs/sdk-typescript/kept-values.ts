import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rich } from './rich.js';
import { text } from './values.js';

const inlineCharsMax = 64_000;
const inlineBytesMax = 16 * 1024;

/** Where a value was logged. */
interface Place {
  readonly key: string;
  readonly step: number;
  /** Among those that were logged together. */
  readonly index: number;
  readonly count: number;
}

/** The record of a value that is no number. A small one is in it, a large one in a file beside the spool, of the name that `file` gives. */
export function valueRecord(
  folder: string,
  place: Place,
  { kind, mime, content, caption, facts }: Rich,
  file: () => string,
): string {
  const value = { ...place, kind, mime, caption: text(caption, 8_000), facts };
  if (
    typeof content === 'string'
      ? content.length <= inlineCharsMax
      : content.length > 0 && content.length <= inlineBytesMax
  )
    return JSON.stringify({
      value: {
        ...value,
        ...(typeof content === 'string' ? { text: content } : { data: Buffer.from(content).toString('base64') }),
      },
    });
  const path = file();
  writeFileSync(join(folder, path), content);
  return JSON.stringify({ value, path, sizeBytes: Buffer.byteLength(content) });
}

/** The record of a param that is too long for one: all of it in a file of the run; and its beginning, with where the rest is. */
export function longParam(
  folder: string,
  name: string,
  json: string,
  path: string,
): { readonly record: string; readonly json: string; readonly label: string } {
  const label = `params/${name}.json`;
  writeFileSync(join(folder, path), json);
  const item = { name: label, type: 'param', path, copied: true, sizeBytes: Buffer.byteLength(json) };
  const said = `${text(json, 2_000)}… (${json.length} characters, whole in the file ${label})`;
  return { record: JSON.stringify({ ...item, metadata: {}, step: null }), json: JSON.stringify(said), label };
}

import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rich } from './rich.js';
import { SpoolFull } from './spool.js';
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

/** Values that are no numbers, as records of a spool: a small one in its record, a large one in a file beside the spool. */
export class KeptValues {
  /** Of files that were written; what has been uploaded since is gone, and is found out when it matters. */
  #fileBytes = 0;

  /** `nextFile` names a file that is not there yet. */
  constructor(
    readonly folder: string,
    readonly bytesMax: number,
    readonly nextFile: () => string,
  ) {}

  /** Throws SpoolFull when it finds no space. */
  record(place: Place, { kind, mime, content, caption, facts }: Rich): string {
    const value = { ...place, kind, mime, caption: text(caption, 8_000), facts };
    if (typeof content === 'string') {
      if (content.length <= inlineCharsMax) return JSON.stringify({ value: { ...value, text: content } });
    } else if (content.length > 0 && content.length <= inlineBytesMax)
      return JSON.stringify({ value: { ...value, data: Buffer.from(content).toString('base64') } });
    const sizeBytes = Buffer.byteLength(content);
    this.#makeRoom(sizeBytes);
    const path = this.nextFile();
    try {
      writeFileSync(join(this.folder, path), content);
    } catch (error) {
      throw new SpoolFull((error as Error).message);
    }
    return JSON.stringify({ value, path, sizeBytes });
  }

  #makeRoom(bytes: number): void {
    this.#fileBytes += bytes;
    if (this.#fileBytes <= this.bytesMax) return;
    const waiting = readdirSync(this.folder).filter((name) => name.startsWith('file-'));
    const sizes = waiting.map((name) => statSync(join(this.folder, name), { throwIfNoEntry: false })?.size ?? 0);
    this.#fileBytes = sizes.reduce((sum, size) => sum + size, bytes);
    if (this.#fileBytes <= this.bytesMax) return;
    this.#fileBytes -= bytes;
    throw new SpoolFull(
      `files of ${Math.round(this.#fileBytes / 2 ** 20)} MB wait to be uploaded, the limit of the spool`,
    );
  }
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

export const mediaQuestion = `query($id: ID!, $keys: [String!], $ranks: [Int!], $after: String) { run(id: $id) {
  media(keys: $keys, ranks: $ranks, first: 100, after: $after) {
    endCursor hasNextPage values { key step rank index kind mime caption facts text url time } } } }`;

interface RawMedia {
  readonly key: string;
  readonly step: number;
  readonly rank: number;
  readonly index: number;
  readonly kind: string;
  readonly mime: string;
  readonly caption: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly text: string | null;
  readonly url: string | null;
  readonly time: number;
}
export interface MediaPage {
  readonly values: readonly RawMedia[];
  readonly endCursor: string | null;
  readonly hasNextPage: boolean;
}

/** A value that is no number, as it was logged. */
export class ReadMedia {
  readonly key: string;
  readonly step: number;
  readonly rank: number;
  /** Place among the values that were logged together. */
  readonly index: number;
  /** "image", "histogram", "table", … */
  readonly kind: string;
  readonly mime: string;
  readonly caption: string;
  readonly facts: Readonly<Record<string, string>>;
  /** Unix ms. */
  readonly time: number;
  readonly #raw: RawMedia;
  readonly #bytes: (path: string) => Promise<Buffer>;

  /** Made by `ReadRun.media`. */
  constructor(raw: RawMedia, bytes: (path: string) => Promise<Buffer>) {
    ({ key: this.key, step: this.step, rank: this.rank, index: this.index, kind: this.kind } = raw);
    ({ mime: this.mime, caption: this.caption, facts: this.facts, time: this.time } = raw);
    this.#raw = raw;
    this.#bytes = bytes;
  }

  /** Its bytes; texts in UTF-8. Rejects with an `ApiError` when the server does not have them. */
  async content(): Promise<Buffer> {
    const { url, text } = this.#raw;
    if (url === null) return Buffer.from(text ?? '');
    return url.startsWith('data:') ? Buffer.from(url.slice(url.indexOf(',') + 1), 'base64') : this.#bytes(url);
  }

  /** What a histogram, a table, a curve, a confusion matrix holds (docs/protocol.md). */
  async json(): Promise<unknown> {
    return JSON.parse((await this.content()).toString('utf8')) as unknown;
  }
}

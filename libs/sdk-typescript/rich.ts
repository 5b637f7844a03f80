import { readFileSync } from 'node:fs';
import { histogramOf } from './histogram.js';
import { mediaType, png, sizeFacts, type Pixels } from './pixels.js';
import { leaf, text } from './values.js';

const rowsMax = 200_000;
const pointsMax = 300_000;

/** A value that log() takes beside numbers. What it was made of is taken down when it is made; what can't be taken throws a RangeError there. */
export class Rich {
  /** @internal */
  readonly [leaf] = true;
  /** @internal */
  readonly facts: Readonly<Record<string, string>>;

  /** @internal */
  constructor(
    /** @internal */
    readonly kind: string,
    /** @internal */
    readonly mime: string,
    /** @internal */
    readonly content: string | Uint8Array,
    /** @internal */
    readonly caption = '',
    facts: Readonly<Record<string, unknown>> = {},
  ) {
    this.facts = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, text(value, 8_000)]));
  }
}

/** The path of a file, or its bytes. */
export type File = string | Uint8Array;
const bytesOf = (file: File): Uint8Array => (typeof file === 'string' ? readFileSync(file) : file);
const json = (value: unknown): string => JSON.stringify(value);

/** An image: the path of a file or its bytes (PNG, JPEG, GIF, BMP, WebP, SVG), or pixels. */
export class Image extends Rich {
  constructor(image: File | Pixels, caption?: string) {
    const content = typeof image === 'string' || image instanceof Uint8Array ? bytesOf(image) : png(image);
    const mime = mediaType(content);
    if (!mime.startsWith('image/')) throw new RangeError('these bytes are no image that is known');
    super('image', mime, content, caption, sizeFacts(content, mime));
  }
}

/** How values are spread: counted here, so that only the counts are sent. NaN and infinities are counted apart; `bins` is 1 to 512, 64 when not given. */
export class Histogram extends Rich {
  constructor(
    values: ArrayLike<number> | { readonly counts: ArrayLike<number>; readonly edges: ArrayLike<number> },
    bins = 64,
  ) {
    const { data, facts } = histogramOf(values, bins);
    super('histogram', 'application/json', json(data), '', facts);
  }
}

/** Rows and columns: rows as objects by column, or lists with `columns`. At most 200,000 rows. */
export class Table extends Rich {
  constructor(rows: readonly (Readonly<Record<string, unknown>> | readonly unknown[])[], columns?: readonly string[]) {
    if (rows.length > rowsMax) throw new RangeError(`${rows.length} rows; a table has at most ${rowsMax}`);
    const lists = rows.every((row) => Array.isArray(row));
    const isList = (row: object): row is readonly unknown[] => Array.isArray(row);
    const names =
      columns ?? (lists ? Object.keys(rows[0] ?? []) : [...new Set(rows.flatMap((row) => Object.keys(row)))]);
    const cells = rows.map((row) =>
      isList(row) ? row : names.map((name) => (row as Record<string, unknown>)[name] ?? null),
    );
    const wrong = cells.find((row) => row.length !== names.length);
    if (wrong) throw new RangeError(`a row of ${wrong.length} cells for ${names.length} columns`);
    super('table', 'application/json', json({ columns: names, rows: cells }), '', {
      rows: rows.length,
      columns: names.length,
    });
  }
}

/** Words: what a model has said. log() takes a plain string for one. */
export class Text extends Rich {
  constructor(words: string, caption?: string) {
    super('text', 'text/plain', text(words, 20_000_000), caption);
  }
}

/** A page of HTML. It is shown without its scripts, in a frame of its own. */
export class Html extends Rich {
  constructor(page: string, caption?: string) {
    super('html', 'text/html', page, caption);
  }
}

/** Sound: the path or the bytes of a file (WAV, MP3, FLAC, Ogg). */
export class Audio extends Rich {
  constructor(file: File, caption?: string) {
    const content = bytesOf(file);
    super('audio', mediaType(content) || 'application/octet-stream', content, caption);
  }
}

/** A film: the path or the bytes of a file (MP4, WebM, GIF). */
export class Video extends Rich {
  constructor(file: File, caption?: string) {
    const content = bytesOf(file);
    const mime = mediaType(content) || 'application/octet-stream';
    super('video', mime, content, caption, sizeFacts(content, mime));
  }
}

/** A figure of plotly, as its JSON: `{data, layout}`. */
export class Figure extends Rich {
  constructor(figure: object, caption?: string) {
    super('figure', 'application/vnd.plotly.v1+json', json(figure), caption);
  }
}

/** Points in space: x, y, z, or these and a colour of red, green, blue from 0 to 255. At most 300,000. */
export class Points3D extends Rich {
  constructor(points: readonly (readonly number[])[], caption?: string) {
    if (points.length > pointsMax) throw new RangeError(`${points.length} points; at most ${pointsMax} are kept`);
    if (points.some((point) => point.length !== 3 && point.length !== 6))
      throw new RangeError('a point has 3 numbers, or 6 with its colour');
    super('points3d', 'application/json', json({ points }), caption, { points: points.length });
  }
}

/** What was taken for what: counts, a row for each true class, in the order of the labels. */
export class ConfusionMatrix extends Rich {
  constructor(matrix: readonly (readonly number[])[], labels: readonly string[], caption?: string) {
    if (matrix.length !== labels.length || matrix.some((row) => row.length !== labels.length))
      throw new RangeError(`a matrix of ${matrix.length} rows for ${labels.length} classes`);
    super('confusion_matrix', 'application/json', json({ labels, matrix }), caption, { classes: labels.length });
  }
}

/** A line over something else than steps: x and y of one length. */
export class Curve extends Rich {
  constructor(
    x: ArrayLike<number>,
    y: ArrayLike<number>,
    options: { readonly xLabel?: string; readonly yLabel?: string; readonly caption?: string } = {},
  ) {
    if (x.length !== y.length) throw new RangeError(`${x.length} x for ${y.length} y`);
    const { xLabel = 'x', yLabel = 'y', caption } = options;
    super('curve', 'application/json', json({ x: Array.from(x), y: Array.from(y), xLabel, yLabel }), caption);
  }
}

/** What log() keeps of a value that is no number: itself, a list of such, a string. Null: nothing. */
export function richOf(value: unknown): readonly Rich[] | null {
  if (value instanceof Rich) return [value];
  if (typeof value === 'string') return [new Text(value)];
  if (!Array.isArray(value) || value.length === 0 || value.length > 10_000) return null;
  return value.every((one) => one instanceof Rich) ? (value as Rich[]) : null;
}

import { Rejection } from '#libs/domain/rejection.js';
import { breather } from './breathe.js';

export interface JsonBounds {
  /** Values of all kinds, however small: each costs memory that its bytes do not tell. */
  readonly valuesMax: number;
}

/** Lists and objects in each other. What a field may have is less and said by its name (limits.jsonDepthMax). */
const depthMax = 500;
/** Text that is looked at, or parsed, in one go. */
const pieceBytes = 256 * 1024;

const notJson = (why: string): Rejection => new Rejection('INVALID_ARGUMENT', `body: not JSON: ${why}`, 'body');

/** A JSON text within its bounds, which are checked before any of it is made. A long list is parsed in pieces. */
export async function readJson(bytes: Buffer, bounds: JsonBounds, take: (values: number) => void): Promise<unknown> {
  const scan = new JsonScan(bytes, bounds);
  const pause = breather();
  while (!scan.step(pieceBytes)) await pause();
  take(scan.values);
  if (bytes.length <= pieceBytes || !scan.list) return parse(bytes.toString('utf8'));
  const { from, to, cuts } = scan.list;
  const items: unknown[] = [];
  let at = from;
  for (const cut of [...cuts, to]) {
    const text = bytes.toString('utf8', at, cut);
    const piece = parse(`[${text}]`) as unknown[];
    if (piece.length === 0 && cuts.length > 0) throw notJson('an item of the list is missing');
    for (const item of piece) items.push(item);
    at = cut + 1;
    await pause();
  }
  return items;
}

/** The same for a text within a text, which is short or was counted as one value. */
export function parseJson(text: string, bounds: JsonBounds): unknown {
  const scan = new JsonScan(Buffer.from(text), bounds);
  while (!scan.step(pieceBytes)) continue;
  return JSON.parse(text);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw notJson((error as Error).message);
  }
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/** Counts what a text would make, and finds where a list may be cut. Knows no more of JSON than that. */
class JsonScan {
  values = 1;
  #at = 0;
  #depth = 0;
  #inText = false;
  /** Something beside one list: the parser is given the whole and says what. */
  #odd = false;
  #from = -1;
  #to = -1;
  #lastCut = 0;
  readonly #cuts: number[] = [];

  constructor(
    private readonly bytes: Buffer,
    private readonly bounds: JsonBounds,
  ) {}

  /** The inside of the one list that the text is; null for anything else. */
  get list(): { readonly from: number; readonly to: number; readonly cuts: readonly number[] } | null {
    return !this.#odd && this.#from >= 0 && this.#to >= 0 ? { from: this.#from, to: this.#to, cuts: this.#cuts } : null;
  }

  /** Looks at so many bytes more; true at the end. */
  step(count: number): boolean {
    const { bytes } = this;
    const end = Math.min(bytes.length, this.#at + count);
    let at = this.#at;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (this.#inText) {
        if (byte === backslash) at++;
        else if (byte === quote) this.#inText = false;
        continue;
      }
      switch (byte) {
        case quote:
          this.#inText = true;
          this.#odd ||= this.#depth === 0;
          break;
        case comma:
          this.values++;
          this.#odd ||= this.#depth === 0;
          if (this.#depth === 1 && this.#from >= 0 && at - this.#lastCut > pieceBytes / 2) {
            this.#cuts.push(at);
            this.#lastCut = at;
          }
          break;
        case colon:
          this.values++;
          break;
        case 0x5b: // [
        case 0x7b: // {
          this.values++;
          if (this.#depth === 0) {
            this.#odd ||= byte === 0x7b || this.#from >= 0;
            this.#from = at + 1;
            this.#lastCut = at;
          }
          if (++this.#depth > depthMax)
            throw new Rejection('TOO_LARGE', `body: JSON of more than ${depthMax} levels is not taken`, 'body');
          break;
        case 0x5d: // ]
        case 0x7d: // }
          if (--this.#depth === 0) this.#to = at;
          this.#odd ||= this.#depth < 0 || (this.#depth === 0 && byte === 0x7d);
          break;
        default:
          if (this.#depth === 0 && byte > 0x20) this.#odd = true;
      }
    }
    this.#at = at;
    if (this.values > this.bounds.valuesMax) {
      throw new Rejection(
        'TOO_LARGE',
        `body: JSON of more than ${this.bounds.valuesMax} values is not taken; send smaller batches`,
        'body',
      );
    }
    return at >= bytes.length;
  }
}

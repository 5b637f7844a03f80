import type { EventRecord } from '../event-log.js';

/**
 * Records of one block as bytes: `key, header count, (name, value)*, value length, value`, each string either a reference into a
 * table that both sides build alike or a literal. The table starts with the names and values every record has, and grows by what
 * is likely to come again (keys, header names and values other than ids and times), so the envelope of a record costs its
 * id, time and seq and little else. `knownStrings` is part of the format: it may only be appended to.
 */
const knownStrings = [
  'ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time', 'ce_writer', 'ce_reply', '1.0', '1',
  'runstream.PointsLogged.v1', 'runstream.LinesLogged.v1', 'runstream.HeartbeatSent.v1', 'runstream.RunStarted.v1',
  'runstream.RunFinished.v1', 'runstream.ParamsLogged.v1', 'runstream.TagsSet.v1', 'runstream.ArtifactLogged.v1', 'content-type',
] as const; // prettier-ignore
const everNew: ReadonlySet<string> = new Set(['ce_id', 'ce_time', 'ce_writer']);
const tableEntriesMax = 4_096;

/** Bytes being written; grows by doubling. */
export class RecordEncoder {
  bytes: Buffer;
  length = 0;
  readonly #table = new Map<string, number>();

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    for (let i = 0; i < knownStrings.length; i++) this.#table.set(knownStrings[i]!, i + 1);
  }

  /** Adds a record; its value ends at `length` then. */
  add(record: EventRecord): void {
    const { headers, value } = record;
    this.#string(record.key, true);
    const names = Object.keys(headers);
    this.#reserve(5);
    this.#varint(names.length);
    for (const name of names) {
      this.#string(name, true);
      this.#string(headers[name]!, !everNew.has(name));
    }
    this.#reserve(5 + value.length);
    this.#varint(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  #string(text: string, remember: boolean): void {
    if (remember) {
      const code = this.#table.get(text);
      if (code !== undefined) {
        this.#reserve(5);
        this.#varint(code);
        return;
      }
      if (this.#table.size < tableEntriesMax) this.#table.set(text, this.#table.size + 1);
    }
    this.#reserve(6 + text.length * 3);
    this.bytes[this.length++] = 0;
    if (text.length > 48 || !this.#ascii(text)) {
      this.#varint(Buffer.byteLength(text));
      this.length += this.bytes.write(text, this.length);
    }
  }

  // short ASCII without a call into native code; false (and nothing moved) when the text is not that
  #ascii(text: string): boolean {
    const { bytes } = this;
    const at = this.length + 1;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[at + i] = code;
    }
    bytes[this.length] = text.length;
    this.length = at + text.length;
    return true;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.bytes[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

export interface DecodedRecord {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** The records of a block; values are views of `bytes`. Throws a RangeError for bytes that no encoder wrote. */
export function decodeRecords(bytes: Buffer, count: number): DecodedRecord[] {
  const reader = new RecordReader(bytes);
  const records: DecodedRecord[] = [];
  for (let i = 0; i < count; i++) records.push(reader.record());
  if (reader.at !== bytes.length) throw new RangeError(`${bytes.length - reader.at} bytes after the last record`);
  return records;
}

class RecordReader {
  at = 0;
  readonly #table: string[] = [...knownStrings];

  constructor(private readonly bytes: Buffer) {}

  record(): DecodedRecord {
    const key = this.#string(true);
    const headers: Record<string, string> = {};
    for (let left = this.#varint(); left > 0; left--) {
      const name = this.#string(true);
      const value = this.#string(!everNew.has(name));
      // assignment to this one name would set a prototype
      if (name === '__proto__')
        Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
      else headers[name] = value;
    }
    return { key, headers, value: this.#take(this.#varint()) };
  }

  #string(remember: boolean): string {
    const code = this.#varint();
    if (code > 0) {
      const known = this.#table[code - 1];
      if (known === undefined) throw new RangeError(`string ${code} at byte ${this.at} is not in the table`);
      return known;
    }
    const text = this.#take(this.#varint()).toString('utf8');
    if (remember && this.#table.length < tableEntriesMax) this.#table.push(text);
    return text;
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 28; factor *= 128) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError('ends inside a number');
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new RangeError(`number at byte ${this.at} is too long`);
  }

  #take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.bytes.length) throw new RangeError(`ends inside a field of ${length} bytes`);
    const piece = this.bytes.subarray(this.at, end);
    this.at = end;
    return piece;
  }
}

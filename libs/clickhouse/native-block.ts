/**
 * ClickHouse's Native format: per block the number of columns and rows, then each column whole. Numbers are little-endian, so a
 * typed array's bytes are the column; NaN and infinities pass as they are. https://clickhouse.com/docs/interfaces/formats/Native
 */
export type NumberColumn =
  Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array | BigUint64Array | BigInt64Array;

export interface BlockColumn {
  readonly name: string;
  readonly type: string;
  /** Bytes of a fixed-width column, or texts of a String column. */
  readonly data: NumberColumn | readonly string[] | Buffer;
}

/** One block as pieces to be sent one after the other; typed arrays are not copied. */
export function writeNativeBlock(columns: readonly BlockColumn[], rows: number): Buffer[] {
  const pieces: Buffer[] = [Buffer.concat([varint(columns.length), varint(rows)])];
  for (const column of columns) {
    pieces.push(Buffer.concat([text(column.name), text(column.type)]));
    const { data } = column;
    if (Array.isArray(data)) pieces.push(...texts(data as readonly string[]));
    else if (ArrayBuffer.isView(data)) pieces.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return pieces;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

const texts = (values: readonly string[]): Buffer[] => values.map(text);

export type ResultColumn = NumberColumn | string[] | ArrayColumn;
/** Array(T): row i is `values` from offsets[i - 1] to offsets[i]. */
export interface ArrayColumn {
  readonly offsets: BigUint64Array;
  readonly values: NumberColumn | string[];
}

/** Result of a query by column name; numbers as typed arrays. */
export class ResultColumns {
  constructor(
    readonly rows: number,
    readonly columns: ReadonlyMap<string, ResultColumn>,
  ) {}

  f64(name: string): Float64Array {
    return this.#number(name, Float64Array);
  }
  u64(name: string): BigUint64Array {
    return this.#number(name, BigUint64Array);
  }
  i64(name: string): BigInt64Array {
    return this.#number(name, BigInt64Array);
  }
  u32(name: string): Uint32Array {
    return this.#number(name, Uint32Array);
  }
  u8(name: string): Uint8Array {
    return this.#number(name, Uint8Array);
  }
  texts(name: string): string[] {
    const column = this.#column(name);
    if (!Array.isArray(column)) throw new Error(`column ${name} is not a String`);
    return column;
  }
  arrays(name: string): ArrayColumn {
    const column = this.#column(name);
    if (Array.isArray(column) || ArrayBuffer.isView(column)) throw new Error(`column ${name} is not an Array`);
    return column;
  }

  #number<T extends NumberColumn>(name: string, kind: new (length: number) => T): T {
    const column = this.#column(name);
    if (!(column instanceof kind))
      throw new Error(`column ${name} is a ${column.constructor.name}, not a ${kind.name}`);
    return column;
  }
  #column(name: string): ResultColumn {
    const column = this.columns.get(name);
    if (column === undefined) throw new Error(`no column ${name} in ${[...this.columns.keys()].join(', ')}`);
    return column;
  }
}

const numberKinds = {
  UInt8: Uint8Array,
  Bool: Uint8Array,
  UInt16: Uint16Array,
  UInt32: Uint32Array,
  Int32: Int32Array,
  UInt64: BigUint64Array,
  Int64: BigInt64Array,
  Float64: Float64Array,
} as const;

/** Reads all blocks of a Native result; columns of several blocks are joined. */
export function readNative(bytes: Buffer): ResultColumns {
  const reader = new Reader(bytes);
  const parts = new Map<string, ResultColumn[]>();
  let rows = 0;
  while (!reader.ended) {
    const columnCount = reader.varint();
    const blockRows = reader.varint();
    rows += blockRows;
    for (let index = 0; index < columnCount; index++) {
      const name = reader.text();
      const type = reader.text();
      const column = readColumn(reader, type, blockRows);
      const list = parts.get(name);
      if (list) list.push(column);
      else parts.set(name, [column]);
    }
  }
  return new ResultColumns(rows, new Map([...parts].map(([name, list]) => [name, joined(list)])));
}

function readColumn(reader: Reader, written: string, rows: number): ResultColumn {
  const type = written.replace(/^SimpleAggregateFunction\(\w+, (.*)\)$/, '$1'); // the same bytes as the plain type
  const array = /^Array\((\w+)\)$/.exec(type);
  if (array) {
    const offsets = reader.numbers(BigUint64Array, rows);
    const values = readFlat(reader, array[1]!, rows ? Number(offsets[rows - 1]) : 0);
    return { offsets, values };
  }
  return readFlat(reader, type, rows);
}

function readFlat(reader: Reader, type: string, rows: number): NumberColumn | string[] {
  if (type === 'String') return Array.from({ length: rows }, () => reader.text());
  if (!Object.hasOwn(numberKinds, type))
    throw new Error(`a result column has type ${type}, which this reader does not know`);
  return reader.numbers(numberKinds[type as keyof typeof numberKinds] as new (length: number) => NumberColumn, rows);
}

function joined(parts: readonly ResultColumn[]): ResultColumn {
  const first = parts[0]!;
  if (parts.length === 1) return first;
  if (Array.isArray(first)) return (parts as string[][]).flat();
  if (ArrayBuffer.isView(first)) return joinNumbers(parts as NumberColumn[]);
  const arrays = parts as ArrayColumn[];
  let base = 0n;
  const offsets = arrays.map((part) => {
    const moved = part.offsets.map((offset) => offset + base);
    base = moved.at(-1) ?? base;
    return moved;
  });
  const values = joined(arrays.map((part) => part.values)) as NumberColumn | string[];
  return { offsets: joinNumbers(offsets) as BigUint64Array, values };
}

function joinNumbers(parts: readonly NumberColumn[]): NumberColumn {
  const Kind = parts[0]!.constructor as new (length: number) => NumberColumn;
  const out = new Kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part as never, at);
    at += part.length;
  }
  return out;
}

class Reader {
  #at = 0;
  constructor(readonly bytes: Buffer) {}

  get ended(): boolean {
    return this.#at >= this.bytes.length;
  }
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) throw new Error('the Native result ends too early');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }
  text(): string {
    const length = this.varint();
    return this.#take(length).toString();
  }
  numbers<T extends NumberColumn>(kind: new (length: number) => T, rows: number): T {
    const out = new kind(rows);
    const bytes = this.#take(out.byteLength);
    new Uint8Array(out.buffer).set(bytes); // a copy, because columns are not aligned
    return out;
  }
  #take(length: number): Buffer {
    if (this.#at + length > this.bytes.length) throw new Error('the Native result ends too early');
    const piece = this.bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return piece;
  }
}

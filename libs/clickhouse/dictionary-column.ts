/** Index of the value that every dictionary has: the type's default. */
const first = 1;

/**
 * A UInt64 column of few distinct values as LowCardinality(UInt64) in the Native format: the values once, and an index of one, two
 * or four bytes a row. The engine casts it to the table's plain column. The layout is that of ClickHouse's SerializationLowCardinality:
 * version 1, flags (kind of index, "has its own keys", "keys are new"), keys, rows.
 */
export class DictionaryWriter {
  readonly #keys: bigint[] = [0n];
  readonly #codes = new Map<bigint, number>();
  readonly #index: Uint32Array;

  constructor(readonly rows: number) {
    this.#index = new Uint32Array(rows);
  }

  /** Rows from `start` to `end` (exclusive) have this value. */
  fill(value: bigint, start: number, end: number): void {
    let code = this.#codes.get(value);
    if (code === undefined) {
      code = first + this.#codes.size;
      this.#codes.set(value, code);
      this.#keys.push(value);
    }
    this.#index.fill(code, start, end);
  }

  column(): { readonly type: string; readonly data: Buffer } {
    const count = this.#keys.length;
    const [kind, index] =
      count <= 256
        ? ([0n, new Uint8Array(this.#index)] as const)
        : count <= 65_536
          ? ([1n, new Uint16Array(this.#index)] as const)
          : ([2n, this.#index] as const);
    const ownKeys = 1n << 9n;
    const newKeys = 1n << 10n;
    const head = BigUint64Array.from([1n, kind | ownKeys | newKeys, BigInt(count), ...this.#keys, BigInt(this.rows)]);
    const data = Buffer.concat([
      Buffer.from(head.buffer),
      Buffer.from(index.buffer, index.byteOffset, index.byteLength),
    ]);
    return { type: 'LowCardinality(UInt64)', data };
  }
}

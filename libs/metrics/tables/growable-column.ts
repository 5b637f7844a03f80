/** A column of numbers whose length is not known beforehand. */
export class GrowableColumn {
  #values: Float64Array = new Float64Array(1_024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  f64(): Float64Array {
    return this.#values.subarray(0, this.length);
  }
  /** The values, all integers below 2^53, as Int64. */
  i64(): BigInt64Array {
    return int64Column(this.f64());
  }
  u32(): Uint32Array {
    return Uint32Array.from(this.f64());
  }
  u16(): Uint16Array {
    return Uint16Array.from(this.f64());
  }
}

/** Integers up to 2^53 as Int64, without a BigInt per row. */
export function int64Column(values: Float64Array): BigInt64Array {
  const out = new BigInt64Array(values.length);
  const halves = new Uint32Array(out.buffer);
  for (let i = 0; i < values.length; i++) writeInt64(halves, i, values[i]!);
  return out;
}

export function writeInt64(halves: Uint32Array, row: number, value: number): void {
  halves[row * 2] = value; // stored modulo 2^32
  halves[row * 2 + 1] = Math.floor(value / 4_294_967_296);
}

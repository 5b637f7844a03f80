import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { GrowableColumn, int64Column } from './growable-column.js';

/** Where a rollup row says "there is none": the last Int64 that a double holds exactly below 2^63. */
export const never = Number.MAX_SAFE_INTEGER;

export type RollupWidth = 64 | 256;

/**
 * Rollup rows of one width, from points in the order of the table's key. Every state is idempotent (min, max, first, last, a bit per
 * step), so a bucket may be split over several rows and be written again.
 */
export class RollupColumns {
  readonly #run: bigint[] = [];
  readonly #series: bigint[] = [];
  readonly #columns = Array.from({ length: 12 }, () => new GrowableColumn());
  readonly #mask: number[] = [];
  #bucket = Number.NaN;
  #rank = -1;
  #group: { run: bigint; series: bigint; attempt: number } | null = null;
  #min = Infinity;
  #max = -Infinity;
  #firstStep = never;
  #firstValue = 0;
  #lastStep = -never;
  #lastValue = 0;
  /** A bit per step, in words of 32, lowest first. */
  readonly #bits: Uint32Array;
  #nanAt = never;
  #plusAt = never;
  #minusAt = never;

  constructor(readonly width: RollupWidth) {
    this.#bits = new Uint32Array(width / 32);
  }

  startGroup(run: bigint, series: bigint, attempt: number): void {
    this.flush();
    this.#group = { run, series, attempt };
  }

  add(rank: number, step: number, raw: number): void {
    const value = raw + 0; // -0 becomes 0: which of the two is the minimum would depend on the order
    const bucket = Math.floor(step / this.width);
    if (bucket !== this.#bucket || rank !== this.#rank) {
      this.flush();
      this.#bucket = bucket;
      this.#rank = rank;
    }
    if (value - value !== 0) {
      if (value !== value) this.#nanAt = Math.min(this.#nanAt, step);
      else if (value > 0) this.#plusAt = Math.min(this.#plusAt, step);
      else this.#minusAt = Math.min(this.#minusAt, step);
      return;
    }
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    // a step written twice: as a merge would choose, whatever the order
    if (step < this.#firstStep || (step === this.#firstStep && value < this.#firstValue)) {
      this.#firstStep = step;
      this.#firstValue = value;
    }
    if (step > this.#lastStep || (step === this.#lastStep && value > this.#lastValue)) {
      this.#lastStep = step;
      this.#lastValue = value;
    }
    const bit = step - bucket * this.width;
    this.#bits[bit >>> 5]! |= 1 << (bit & 31);
  }

  /** Writes the bucket at hand. */
  flush(): void {
    if (Number.isNaN(this.#bucket)) return;
    this.#run.push(this.#group!.run);
    this.#series.push(this.#group!.series);
    for (const word of this.#bits) this.#mask.push(word);
    const row = [
      this.#group!.attempt,
      this.#rank,
      this.#bucket,
      this.#min,
      this.#max,
      this.#firstStep,
      this.#firstValue,
    ];
    const rest = [this.#lastStep, this.#lastValue, this.#nanAt, this.#plusAt, this.#minusAt];
    for (let i = 0; i < 7; i++) this.#columns[i]!.push(row[i]!);
    for (let i = 0; i < 5; i++) this.#columns[7 + i]!.push(rest[i]!);
    this.#reset();
  }

  #reset(): void {
    this.#bucket = Number.NaN;
    this.#min = Infinity;
    this.#max = -Infinity;
    this.#firstStep = this.#nanAt = this.#plusAt = this.#minusAt = never;
    this.#lastStep = -never;
    this.#firstValue = this.#lastValue = 0;
    this.#bits.fill(0);
  }

  get rows(): number {
    return this.#run.length;
  }

  blockColumns(): BlockColumn[] {
    this.flush();
    const [attempt, rank, bucket, min, max, firstStep, firstValue, lastStep, lastValue, nanAt, plusAt, minusAt] =
      this.#columns;
    return [
      { name: 'run', type: 'UInt64', data: BigUint64Array.from(this.#run) },
      { name: 'series', type: 'UInt64', data: BigUint64Array.from(this.#series) },
      { name: 'attempt', type: 'UInt16', data: attempt!.u16() },
      { name: 'rank', type: 'UInt32', data: rank!.u32() },
      { name: 'bucket', type: 'Int64', data: bucket!.i64() },
      { name: 'min', type: 'Float64', data: min!.f64() },
      { name: 'max', type: 'Float64', data: max!.f64() },
      { name: 'first', type: 'Tuple(Int64, Float64)', data: pairs(firstStep!, firstValue!) },
      { name: 'last', type: 'Tuple(Int64, Float64)', data: pairs(lastStep!, lastValue!) },
      { name: 'mask', type: `UInt${this.width}`, data: Uint32Array.from(this.#mask) },
      { name: 'nan_at', type: 'Int64', data: nanAt!.i64() },
      { name: 'plus_at', type: 'Int64', data: plusAt!.i64() },
      { name: 'minus_at', type: 'Int64', data: minusAt!.i64() },
    ];
  }
}

/** A Tuple column is its element columns one after the other. */
function pairs(steps: GrowableColumn, values: GrowableColumn): Buffer {
  const numbers = int64Column(steps.f64());
  const floats = values.f64();
  return Buffer.concat([
    Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength),
    Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength),
  ]);
}

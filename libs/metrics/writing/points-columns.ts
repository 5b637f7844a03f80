import { DictionaryWriter } from '#libs/clickhouse/dictionary-column.js';
import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { writeInt64 } from '../tables/growable-column.js';
import type { PointGroup, PointSegment } from './point-segment.js';
import { orderedSegments } from './point-segment.js';
import { RollupColumns } from '../tables/rollup-columns.js';

export interface EncodedPoints {
  readonly rows: number;
  readonly points: BlockColumn[];
  readonly rollup64: RollupColumns;
  readonly rollup256: RollupColumns;
}

/** Groups in key order as whole columns, and their rollups. Rows are never sorted one by one: segments are. */
export function encodePoints(groups: readonly PointGroup[]): EncodedPoints {
  const shape = shapeOf(groups);
  const writer = new PointsWriter(shape);
  const rollup64 = new RollupColumns(64);
  const rollup256 = new RollupColumns(256);
  for (const group of [...groups].sort(byKey)) {
    rollup64.startGroup(group.run, group.series, group.attempt);
    rollup256.startGroup(group.run, group.series, group.attempt);
    writer.startGroup(group);
    for (const segment of orderedSegments(group)) {
      writer.write(segment);
      const { rank, steps, values, offset, everyValue } = segment;
      // such series are marked as rewritten before, and read from their points alone
      if (everyValue) continue;
      for (let i = 0; i < steps.length; i++) {
        rollup64.add(rank, steps[i]!, values[offset + i]!);
        rollup256.add(rank, steps[i]!, values[offset + i]!);
      }
    }
    writer.endGroup(group);
  }
  rollup64.flush();
  rollup256.flush();
  return { rows: shape.rows, points: writer.blockColumns(), rollup64, rollup256 };
}

function byKey(a: PointGroup, b: PointGroup): number {
  if (a.run !== b.run) return a.run < b.run ? -1 : 1;
  if (a.series !== b.series) return a.series < b.series ? -1 : 1;
  return a.attempt - b.attempt;
}

/** What the columns of a batch need: bytes that say nothing are neither written, sent nor parsed. */
interface Shape {
  readonly rows: number;
  readonly smallSteps: boolean;
  readonly rankMax: number;
  readonly ownTimes: boolean;
}

function shapeOf(groups: readonly PointGroup[]): Shape {
  let [rows, rankMax] = [0, 0];
  let smallSteps = true;
  let ownTimes = false;
  for (const { segments } of groups) {
    for (const { steps, rank, minStep, maxStep, times } of segments) {
      rows += steps.length;
      if (rank > rankMax) rankMax = rank;
      if (minStep < -2_147_483_648 || maxStep > 2_147_483_647) smallSteps = false;
      if (times) ownTimes = true;
    }
  }
  return { rows, smallSteps, rankMax, ownTimes };
}

class PointsWriter {
  readonly #run: DictionaryWriter;
  readonly #series: DictionaryWriter;
  readonly #attempt: Uint16Array;
  readonly #rank: Uint8Array | Uint16Array | Uint32Array;
  readonly #step: Int32Array | BigInt64Array;
  readonly #ord: BigUint64Array;
  readonly #value: Float64Array;
  readonly #time: BigInt64Array | null;
  readonly #version: BigUint64Array;
  readonly #stepHalves: Uint32Array | null;
  readonly #ordHalves: Uint32Array;
  readonly #timeHalves: Uint32Array | null;
  readonly #versionHalves: Uint32Array;
  readonly #valueHalves: Uint32Array;
  #at = 0;
  #groupStart = 0;

  constructor({ rows, smallSteps, rankMax, ownTimes }: Shape) {
    this.#run = new DictionaryWriter(rows);
    this.#series = new DictionaryWriter(rows);
    this.#attempt = new Uint16Array(rows);
    this.#rank =
      rankMax < 256 ? new Uint8Array(rows) : rankMax < 65_536 ? new Uint16Array(rows) : new Uint32Array(rows);
    this.#step = smallSteps ? new Int32Array(rows) : new BigInt64Array(rows);
    this.#ord = new BigUint64Array(rows);
    this.#value = new Float64Array(rows);
    this.#time = ownTimes ? new BigInt64Array(rows) : null;
    this.#version = new BigUint64Array(rows);
    this.#stepHalves = smallSteps ? null : new Uint32Array(this.#step.buffer);
    this.#ordHalves = new Uint32Array(this.#ord.buffer);
    this.#timeHalves = this.#time && new Uint32Array(this.#time.buffer);
    this.#versionHalves = new Uint32Array(this.#version.buffer);
    this.#valueHalves = new Uint32Array(this.#value.buffer);
  }

  startGroup(_group: PointGroup): void {
    this.#groupStart = this.#at;
  }

  endGroup(group: PointGroup): void {
    this.#run.fill(group.run, this.#groupStart, this.#at);
    this.#series.fill(group.series, this.#groupStart, this.#at);
    this.#attempt.fill(group.attempt, this.#groupStart, this.#at);
  }

  write(segment: PointSegment): void {
    const { steps, values, offset, version, position } = segment;
    const start = this.#at;
    const end = start + steps.length;
    this.#rank.fill(segment.rank, start, end);
    if (this.#stepHalves) for (let i = 0; i < steps.length; i++) writeInt64(this.#stepHalves, start + i, steps[i]!);
    else (this.#step as Int32Array).set(steps, start);
    this.#value.set(values.subarray(offset, offset + steps.length), start);
    const { high, low, scale } = version;
    const versions = this.#versionHalves;
    for (let row = start, tie = low + position * scale; row < end; row++, tie += scale) {
      versions[row * 2] = tie;
      versions[row * 2 + 1] = high;
    }
    if (segment.times)
      for (let i = 0; i < steps.length; i++) writeInt64(this.#timeHalves!, start + i, segment.times[i]!);
    if (segment.ord) for (let row = start; row < end; row++) this.#ordHalves[row * 2] = segment.ord;
    if (segment.clock) for (let row = start; row < end; row++) this.#ordHalves[row * 2] = version.high;
    if (segment.everyValue) for (let row = start; row < end; row++) this.#hashRow(row);
    this.#at = end;
  }

  /** ord = hash(time, value), murmur3's finaliser over the four halves, never 0. */
  #hashRow(row: number): void {
    let low = 0x9747b28c;
    let high = 0x85ebca6b;
    for (const half of [0, 1]) {
      low = mix(low ^ (this.#timeHalves?.[row * 2 + half] ?? 0));
      low = mix(low ^ this.#valueHalves[row * 2 + half]!);
      high = mix(high ^ low ^ Math.imul(this.#valueHalves[row * 2 + half]!, 0xc2b2ae35));
    }
    this.#ordHalves[row * 2] = low | 1;
    this.#ordHalves[row * 2 + 1] = high;
  }

  /** The engine casts what is narrower here than in the table, and fills in the zeros of an absent column. */
  blockColumns(): BlockColumn[] {
    const rankType =
      this.#rank instanceof Uint8Array ? 'UInt8' : this.#rank instanceof Uint16Array ? 'UInt16' : 'UInt32';
    const columns: BlockColumn[] = [
      { name: 'run', ...this.#run.column() },
      { name: 'series', ...this.#series.column() },
      { name: 'attempt', type: 'UInt16', data: this.#attempt },
      { name: 'rank', type: rankType, data: this.#rank },
      { name: 'step', type: this.#stepHalves ? 'Int64' : 'Int32', data: this.#step },
      { name: 'ord', type: 'UInt64', data: this.#ord },
      { name: 'bits', type: 'UInt64', data: this.#value },
      { name: 'version', type: 'UInt64', data: this.#version },
    ];
    if (this.#time) columns.push({ name: 'time', type: 'Int64', data: this.#time });
    return columns;
  }
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

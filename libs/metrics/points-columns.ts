import type { BlockColumn } from '#libs/clickhouse/native-block.js';
import { writeInt64 } from './growable-column.js';
import type { PointGroup, PointSegment } from './point-segment.js';
import { orderedSegments } from './point-segment.js';
import { RollupColumns } from './rollup-columns.js';

export interface EncodedPoints {
  readonly rows: number;
  readonly points: BlockColumn[];
  readonly rollup64: RollupColumns;
  readonly rollup4096: RollupColumns;
}

/** Groups in key order as whole columns, and their rollups. Rows are never sorted one by one: segments are. */
export function encodePoints(groups: readonly PointGroup[]): EncodedPoints {
  const rows = groups.reduce((sum, group) => sum + group.segments.reduce((all, { steps }) => all + steps.length, 0), 0);
  const writer = new PointsWriter(rows);
  const rollup64 = new RollupColumns(64);
  const rollup4096 = new RollupColumns(4_096);
  for (const group of [...groups].sort(byKey)) {
    rollup64.startGroup(group.run, group.series, group.attempt);
    rollup4096.startGroup(group.run, group.series, group.attempt);
    writer.startGroup(group);
    for (const segment of orderedSegments(group)) {
      writer.write(segment);
      const { rank, steps, values, offset } = segment;
      for (let i = 0; i < steps.length; i++) {
        rollup64.add(rank, steps[i]!, values[offset + i]!);
        rollup4096.add(rank, steps[i]!, values[offset + i]!);
      }
    }
    writer.endGroup(group);
  }
  rollup64.flush();
  rollup4096.flush();
  return { rows, points: writer.blockColumns(), rollup64, rollup4096 };
}

function byKey(a: PointGroup, b: PointGroup): number {
  if (a.run !== b.run) return a.run < b.run ? -1 : 1;
  if (a.series !== b.series) return a.series < b.series ? -1 : 1;
  return a.attempt - b.attempt;
}

class PointsWriter {
  readonly #run: BigUint64Array;
  readonly #series: BigUint64Array;
  readonly #attempt: Uint16Array;
  readonly #rank: Uint32Array;
  readonly #step: BigInt64Array;
  readonly #ord: BigUint64Array;
  readonly #value: Float64Array;
  readonly #time: BigInt64Array;
  readonly #version: BigUint64Array;
  readonly #stepHalves: Uint32Array;
  readonly #ordHalves: Uint32Array;
  readonly #timeHalves: Uint32Array;
  readonly #versionHalves: Uint32Array;
  readonly #valueHalves: Uint32Array;
  #at = 0;
  #groupStart = 0;

  constructor(rows: number) {
    this.#run = new BigUint64Array(rows);
    this.#series = new BigUint64Array(rows);
    this.#attempt = new Uint16Array(rows);
    this.#rank = new Uint32Array(rows);
    this.#step = new BigInt64Array(rows);
    this.#ord = new BigUint64Array(rows);
    this.#value = new Float64Array(rows);
    this.#time = new BigInt64Array(rows);
    this.#version = new BigUint64Array(rows);
    this.#stepHalves = new Uint32Array(this.#step.buffer);
    this.#ordHalves = new Uint32Array(this.#ord.buffer);
    this.#timeHalves = new Uint32Array(this.#time.buffer);
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
    for (let i = 0; i < steps.length; i++) {
      const row = start + i;
      writeInt64(this.#stepHalves, row, steps[i]!);
      this.#value[row] = values[offset + i]!;
      this.#versionHalves[row * 2] = version.low + (position + i) * version.scale;
      this.#versionHalves[row * 2 + 1] = version.high;
    }
    if (segment.times)
      for (let i = 0; i < steps.length; i++) writeInt64(this.#timeHalves, start + i, segment.times[i]!);
    if (segment.clock) for (let row = start; row < end; row++) this.#ordHalves[row * 2] = version.high;
    if (segment.everyValue) for (let row = start; row < end; row++) this.#hashRow(row);
    this.#at = end;
  }

  /** ord = hash(time, value), murmur3's finaliser over the four halves, never 0. */
  #hashRow(row: number): void {
    let low = 0x9747b28c;
    let high = 0x85ebca6b;
    for (const half of [0, 1]) {
      low = mix(low ^ this.#timeHalves[row * 2 + half]!);
      low = mix(low ^ this.#valueHalves[row * 2 + half]!);
      high = mix(high ^ low ^ Math.imul(this.#valueHalves[row * 2 + half]!, 0xc2b2ae35));
    }
    this.#ordHalves[row * 2] = low | 1;
    this.#ordHalves[row * 2 + 1] = high;
  }

  blockColumns(): BlockColumn[] {
    return [
      { name: 'run', type: 'UInt64', data: this.#run },
      { name: 'series', type: 'UInt64', data: this.#series },
      { name: 'attempt', type: 'UInt16', data: this.#attempt },
      { name: 'rank', type: 'UInt32', data: this.#rank },
      { name: 'step', type: 'Int64', data: this.#step },
      { name: 'ord', type: 'UInt64', data: this.#ord },
      { name: 'value', type: 'Float64', data: this.#value },
      { name: 'time', type: 'Int64', data: this.#time },
      { name: 'version', type: 'UInt64', data: this.#version },
    ];
  }
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { readIfThere } from './journal.js';
import type { Sample } from './machine.js';
import {
  createRowBuffer,
  endRecord,
  kinds,
  positionsPerSegment,
  segmentBytes,
  segmentPath,
  segments,
  SpoolFull,
  SpoolReader,
  type RowBuffer,
} from './spool.js';

/** Samples of weeks; a server that is away for longer gets no more of them. */
const segmentsMax = 8;

/**
 * Samples in the form of the spool, in a folder of their own beside it: the sender reads, numbers and delivers them as it does what was
 * logged. One write per sample, and another sender goes on where one that was killed has stopped.
 */
export class SampleWriter {
  lastStep = -1;
  readonly #rows = new Map<string, RowBuffer>();
  readonly #keysPath: string;
  #index: number;
  #offset: number;
  #fd: number;

  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#keysPath = join(folder, 'keys');
    this.#readKeys();
    let position = (segments(folder)[0] ?? 0) * positionsPerSegment;
    for (const record of new SpoolReader(folder).scan(position)) {
      position = record.end;
      if (record.kind === kinds.row) this.lastStep = record.number;
    }
    this.#index = Math.floor(position / positionsPerSegment);
    this.#offset = position % positionsPerSegment;
    this.#fd = openSync(segmentPath(folder, this.#index), 'a+', 0o600);
    closeSync(this.#fd);
    this.#fd = openSync(segmentPath(folder, this.#index), 'r+');
    ftruncateSync(this.#fd, this.#offset); // what a kill has cut short
  }

  #readKeys(): void {
    const text = readIfThere(this.#keysPath);
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole !== text) truncateSync(this.#keysPath, Buffer.byteLength(whole));
    for (const line of whole.split('\n').slice(0, -1)) {
      const [number, keys] = JSON.parse(line) as [number, string[]];
      this.#rows.set(keys.join('\n'), createRowBuffer(number, keys));
    }
  }

  /** Throws when the disk is full, or when too much waits; the sample is not kept then. */
  append(step: number, timeMs: number, values: Sample): void {
    const row = this.#rowOf(Object.keys(values));
    row.cells.set([step, timeMs, ...Object.values(values)]);
    row.head[1] = crc32(row.crcPart);
    if (this.#offset + row.bytes.length > segmentBytes) this.#roll();
    this.#write(row.bytes);
    this.#offset += row.bytes.length;
    this.lastStep = step;
  }

  #rowOf(keys: readonly string[]): RowBuffer {
    const name = keys.join('\n');
    let row = this.#rows.get(name);
    if (row) return row;
    row = createRowBuffer(this.#rows.size + 1, keys);
    const fd = openSync(this.#keysPath, 'a', 0o600);
    writeSync(fd, `${JSON.stringify([row.keyset, keys])}\n`);
    closeSync(fd);
    this.#rows.set(name, row);
    return row;
  }

  #roll(): void {
    if (segments(this.folder).length >= segmentsMax)
      throw new SpoolFull(`${(segmentsMax * segmentBytes) >> 20} MB of samples wait`);
    const next = openSync(segmentPath(this.folder, this.#index + 1), 'wx', 0o600);
    this.#write(endRecord());
    closeSync(this.#fd);
    this.#fd = next;
    this.#index += 1;
    this.#offset = 0;
  }

  #write(bytes: Buffer): void {
    if (writeSync(this.#fd, bytes, 0, bytes.length, this.#offset) === bytes.length) return;
    ftruncateSync(this.#fd, this.#offset);
    throw new SpoolFull('the disk is full');
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Of the system: ticks of a processor in a second, and bytes of a page of memory (the auxiliary vector of this process, getauxval(3)). */
export function unitsOf(path = '/proc/self/auxv'): { readonly ticksPerS: number; readonly pageBytes: number } {
  const units = { ticksPerS: 100, pageBytes: 4_096 };
  try {
    const words = readFileSync(path);
    for (let at = 0; at + 16 <= words.length; at += 16) {
      const value = Number(words.readBigUInt64LE(at + 8));
      if (words.readBigUInt64LE(at) === 6n) units.pageBytes = value;
      if (words.readBigUInt64LE(at) === 17n) units.ticksPerS = value;
    }
  } catch {
    // not Linux; there are no processes to read either
  }
  return units;
}

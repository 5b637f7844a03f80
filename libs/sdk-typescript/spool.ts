import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * The spool: what log() appends to and the sender reads. One write per record: when append returns, the kernel has the bytes, so they
 * survive the death of the process (kill -9 too), though not a power cut.
 *
 * A record is 16 bytes of head (u32 length of the body, u32 CRC-32 of what follows these 8 bytes, u16 kind, u16 0, u32 tag) and the body, padded to
 * 8 bytes, little-endian. A body begins with two doubles: a step or a number, and a time in Unix ms. A position is
 * segment * positionsPerSegment + offset.
 */
export const positionsPerSegment = 2 ** 30;
export const segmentBytes = 8 * 1024 * 1024;
export const recordBytesMax = 900 * 1024;
export const kinds = { row: 1, event: 2, line: 3, artifact: 4, dropped: 5, end: 6, value: 7 } as const;
/** In the keyset of a row: its step was counted by the run itself, and goes on behind what the run has already. */
export const counted = 0x80000000;
const headBytes = 16;

export const segmentPath = (folder: string, index: number): string =>
  join(folder, `${String(index).padStart(8, '0')}.seg`);
export const segments = (folder: string): number[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.seg'))
    .map((name) => Number(name.slice(0, -4)))
    .sort((a, b) => a - b);

export class SpoolFull extends Error {
  override readonly name = 'SpoolFull';
}

/** Says that the spool goes on in the next segment. */
export function endRecord(): Buffer {
  const end = Buffer.alloc(32);
  end.writeUInt32LE(16, 0);
  end.writeUInt16LE(kinds.end, 8);
  end.writeUInt32LE(crc32(end.subarray(8)), 4);
  return end;
}

/** A record's bytes, kept between calls: only values, step and time change. */
export interface RowBuffer {
  readonly keyset: number;
  readonly keys: readonly string[];
  readonly bytes: Buffer;
  readonly crcPart: Buffer;
  readonly head: Uint32Array;
  /** [step, time, values…] */
  readonly cells: Float64Array;
}

export function createRowBuffer(keyset: number, keys: readonly string[]): RowBuffer {
  const memory = new ArrayBuffer(headBytes + 8 * (2 + keys.length));
  const bytes = Buffer.from(memory);
  const head = new Uint32Array(memory, 0, 4);
  head[0] = memory.byteLength - headBytes;
  head[2] = kinds.row;
  head[3] = keyset;
  return { keyset, keys, bytes, crcPart: bytes.subarray(8), head, cells: new Float64Array(memory, headBytes) };
}

export class SpoolWriter {
  #index = 0;
  #offset = 0;
  #fd: number;
  #keysFd: number;
  #keysets = 0;

  constructor(
    readonly folder: string,
    readonly bytesMax: number,
  ) {
    this.#fd = openSync(segmentPath(folder, 0), 'wx', 0o600);
    this.#keysFd = openSync(join(folder, 'keys'), 'a', 0o600);
  }

  /** Written before the first row that needs it. */
  addKeyset(keys: readonly string[]): RowBuffer {
    this.#keysets += 1;
    writeSync(this.#keysFd, `${JSON.stringify([this.#keysets, keys])}\n`);
    return createRowBuffer(this.#keysets, keys);
  }

  appendRow(row: RowBuffer): void {
    row.head[1] = crc32(row.crcPart);
    this.#write(row.bytes, false);
  }

  append(kind: number, tag: number, number: number, timeMs: number, body: Uint8Array, urgent: boolean): void {
    const length = 16 + body.length;
    const bytes = Buffer.alloc(headBytes + Math.ceil(length / 8) * 8);
    bytes.writeUInt32LE(length, 0);
    bytes.writeUInt16LE(kind, 8);
    bytes.writeUInt32LE(tag, 12);
    bytes.writeDoubleLE(number, 16);
    bytes.writeDoubleLE(timeMs, 24);
    bytes.set(body, 32);
    bytes.writeUInt32LE(crc32(bytes.subarray(8, headBytes + length)), 4);
    this.#write(bytes, urgent);
  }

  #write(bytes: Buffer, urgent: boolean): void {
    if (this.#offset + bytes.length > segmentBytes) this.#roll(urgent);
    let written: number;
    try {
      written = writeSync(this.#fd, bytes, 0, bytes.length, this.#offset);
    } catch (error) {
      throw new SpoolFull((error as Error).message);
    }
    if (written < bytes.length) {
      ftruncateSync(this.#fd, this.#offset);
      throw new SpoolFull('the disk is full');
    }
    this.#offset += bytes.length;
  }

  #roll(urgent: boolean): void {
    const kept = segments(this.folder).length * segmentBytes;
    if (kept + (urgent ? 0 : segmentBytes) > this.bytesMax)
      throw new SpoolFull(`the spool holds ${kept >> 20} MB, its limit`);
    const next = openSync(segmentPath(this.folder, this.#index + 1), 'wx', 0o600);
    const end = endRecord();
    writeSync(this.#fd, end, 0, end.length, this.#offset);
    closeSync(this.#fd);
    this.#fd = next;
    this.#index += 1;
    this.#offset = 0;
  }

  close(): void {
    closeSync(this.#fd);
    closeSync(this.#keysFd);
  }
}

export interface SpoolRecord {
  readonly kind: number;
  readonly tag: number;
  readonly number: number;
  readonly timeMs: number;
  readonly body: Buffer;
  readonly end: number;
}

const windowBytes = 2 * 1024 * 1024;

export class SpoolReader {
  #index = -1;
  #fd = -1;
  #keysets = new Map<number, readonly string[]>();

  constructor(readonly folder: string) {}

  #open(index: number): boolean {
    if (index === this.#index) return true;
    try {
      const fd = openSync(segmentPath(this.folder, index), 'r');
      if (this.#fd >= 0) closeSync(this.#fd);
      this.#fd = fd;
      this.#index = index;
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** Committed records from a position on; ends at the first one that is not whole (yet). */
  *scan(position: number, stop = Infinity): Generator<SpoolRecord> {
    let window = Buffer.alloc(0);
    let from = -1;
    while (position < stop) {
      const index = Math.floor(position / positionsPerSegment);
      const offset = position % positionsPerSegment;
      if (!this.#open(index)) return;
      let at = offset - from;
      if (from < 0 || at + headBytes > window.length || at + headBytes + window.readUInt32LE(at) > window.length) {
        // fresh memory each time: records handed out are views on it
        const bytes = Buffer.allocUnsafe(windowBytes);
        window = bytes.subarray(0, readSync(this.#fd, bytes, 0, windowBytes, offset));
        [from, at] = [offset, 0];
      }
      if (at + headBytes > window.length) return;
      const length = window.readUInt32LE(at);
      if (length < 16 || at + headBytes + length > window.length) return;
      if (crc32(window.subarray(at + 8, at + headBytes + length)) !== window.readUInt32LE(at + 4)) return;
      const kind = window.readUInt16LE(at + 8);
      if (kind === kinds.end) {
        position = (index + 1) * positionsPerSegment;
        from = -1;
        continue;
      }
      position += headBytes + Math.ceil(length / 8) * 8;
      yield {
        kind,
        tag: window.readUInt32LE(at + 12),
        number: window.readDoubleLE(at + 16),
        timeMs: window.readDoubleLE(at + 24),
        body: window.subarray(at + 32, at + headBytes + length),
        end: position,
      };
    }
  }

  keys(keyset: number): readonly string[] {
    if (!this.#keysets.has(keyset)) {
      const lines = readFileSync(join(this.folder, 'keys'), 'utf8').split('\n');
      for (const line of lines.slice(0, -1)) this.#keysets.set(...(JSON.parse(line) as [number, string[]]));
    }
    return this.#keysets.get(keyset)!;
  }

  forgetBefore(position: number): void {
    for (const index of segments(this.folder)) {
      if (index < Math.floor(position / positionsPerSegment)) unlinkSync(segmentPath(this.folder, index));
    }
  }
}

import { join } from 'node:path';
import { Unusable } from '#libs/domain/rejection.js';
import type { LogDamage } from './log-ends.js';
import type { LogFile, LogFs } from './log-fs.js';
import { blockHeaderBytes, blockIntact, blockMagic, readBlockHeader, type BlockHeader } from './segment-block.js';

/** Bytes that were durable once can't be read back. Not retriable: a person has to look. */
export class CorruptLog extends Unusable {
  override readonly name = 'CorruptLog';
  constructor(path: string, position: number, what: string) {
    super(
      `${path}: ${what} at byte ${position}, inside data that was acknowledged. Nothing was changed. ` +
        `Check the disk, restore this file from a copy, or move the log directory away and start from an export ("runstream verify" lists every damaged place)`,
    );
  }
}

export const segmentFileName = (baseOffset: number): string => `${String(baseOffset).padStart(20, '0')}.log`;

export function readSegmentFileName(name: string): number | null {
  const match = /^(\d{20})\.log$/.exec(name);
  return match ? Number(match[1]) : null;
}

const indexSpacingBytes = 64 * 1024;

/** One file of a partition: its blocks start at `baseOffset`; only its first `durableBytes` may be read. */
export class Segment {
  readonly path: string;
  durableBytes: number;
  readonly #offsets: number[] = [];
  readonly #positions: number[] = [];

  constructor(
    directory: string,
    readonly baseOffset: number,
    durableBytes: number,
  ) {
    this.path = join(directory, segmentFileName(baseOffset));
    this.durableBytes = durableBytes;
  }

  /** Remembers, sparsely, where a block is. Calls may come in any order. */
  note(offset: number, position: number): void {
    const last = this.#positions.at(-1);
    if (last !== undefined && position < last + indexSpacingBytes) return;
    this.#offsets.push(offset);
    this.#positions.push(position);
  }

  /** Position of a block at or before `offset`. */
  seek(offset: number): number {
    let low = 0;
    let high = this.#offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#offsets[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : this.#positions[low - 1]!;
  }
}

export interface Block {
  readonly header: BlockHeader;
  /** A view of memory that is not used again. */
  readonly payload: Buffer;
  readonly endPosition: number;
}

/** Reads blocks of one file through a window that is read ahead. */
export class BlockReader {
  #window: Buffer = Buffer.alloc(0);
  #windowPosition = 0;

  constructor(
    private readonly file: LogFile,
    private readonly readAheadBytes: number,
  ) {}

  /** The block at `position` in the first `limit` bytes, checked; null when there is no intact block. */
  async block(position: number, limit: number): Promise<Block | null> {
    const header = await this.header(position, limit);
    if (header === null) return null;
    const bytes = blockHeaderBytes + header.payloadBytes;
    await this.#load(position, bytes, limit);
    const at = position - this.#windowPosition;
    if (!blockIntact(this.#window, at, header)) return null;
    return {
      header,
      payload: this.#window.subarray(at + blockHeaderBytes, at + bytes),
      endPosition: position + bytes,
    };
  }

  /** The header alone, unchecked but plausible. */
  async header(position: number, limit: number): Promise<BlockHeader | null> {
    if (position + blockHeaderBytes > limit) return null;
    await this.#load(position, blockHeaderBytes, limit);
    const header = readBlockHeader(this.#window, position - this.#windowPosition);
    if (header === null || header.position !== position) return null;
    return position + blockHeaderBytes + header.payloadBytes <= limit ? header : null;
  }

  async #load(position: number, bytes: number, limit: number): Promise<void> {
    const start = this.#windowPosition;
    if (position >= start && position + bytes <= start + this.#window.length) return;
    const length = Math.min(limit - position, Math.max(bytes, this.readAheadBytes));
    const window = Buffer.allocUnsafeSlow(length);
    const filled = await this.file.read(window, position);
    this.#window = window.subarray(0, filled);
    this.#windowPosition = position;
  }
}

export interface ScannedSegment {
  /** First byte behind the last intact block. */
  readonly endPosition: number;
  readonly endOffset: number;
  /** appendedAt of the last block with or without records; 0 when there is none. */
  readonly lastAppendedAt: number;
  readonly lastGroupPosition: number;
  /** The last block is a seal. */
  readonly sealed: boolean;
  readonly records: number;
}

/** Checks every block of a file in order; stops at the first that is not intact or does not continue the one before it. */
export async function scanSegment(segment: Segment, file: LogFile, size: number): Promise<ScannedSegment> {
  const reader = new BlockReader(file, 1024 * 1024);
  let scanned: ScannedSegment = {
    endPosition: 0,
    endOffset: segment.baseOffset,
    lastAppendedAt: 0,
    lastGroupPosition: 0,
    sealed: false,
    records: 0,
  };
  while (scanned.endPosition < size) {
    const block = await reader.block(scanned.endPosition, size);
    if (block === null || block.header.baseOffset !== scanned.endOffset) break;
    const { header } = block;
    segment.note(header.baseOffset, header.position);
    scanned = {
      endPosition: block.endPosition,
      endOffset: header.baseOffset + header.records,
      lastAppendedAt: header.appendedAt,
      lastGroupPosition: header.groupPosition,
      sealed: header.records === 0,
      records: scanned.records + header.records,
    };
  }
  return scanned;
}

/**
 * Position of a block that proves that the damaged place at `damagedAt` was durable once (see segment-block.ts), or null: then
 * the rest is the torn tail of a group that nobody was told about.
 */
export async function findProofOfDurability(file: LogFile, damagedAt: number, size: number): Promise<number | null> {
  const rest = Buffer.allocUnsafeSlow(size - damagedAt);
  const bytes = rest.subarray(0, await file.read(rest, damagedAt));
  for (let at = bytes.indexOf(blockMagic, 0, 'latin1'); at >= 0; at = bytes.indexOf(blockMagic, at + 1, 'latin1')) {
    const header = readBlockHeader(bytes, at);
    if (header === null || header.position !== damagedAt + at || header.groupPosition <= damagedAt) continue;
    if (blockIntact(bytes, at, header)) return header.position;
  }
  return null;
}

/** How many records a torn end says to hold; null where that can't be read. */
async function recordsBehind(file: LogFile, from: number, size: number): Promise<number | null> {
  const rest = Buffer.allocUnsafeSlow(Math.min(size - from, 64 * 1024 * 1024));
  const bytes = rest.subarray(0, await file.read(rest, from));
  let records = 0;
  let found = false;
  for (let at = 0; at + blockHeaderBytes <= bytes.length;) {
    const header = readBlockHeader(bytes, at);
    if (header === null || header.position !== from + at || header.records > 1_000_000) break;
    found = true;
    records += header.records;
    at += blockHeaderBytes + header.payloadBytes;
  }
  return found ? records : null;
}

/**
 * Makes the last file of a partition fit to be appended to: cuts a torn tail, and writes its last group again, because a
 * process before us may have seen the fdatasync of just that group fail: its pages then look clean and are on no disk. Throws
 * `CorruptLog` instead of cutting what was acknowledged.
 */
export async function recoverSegment(
  fs: LogFs,
  segment: Segment,
  onDamage: (damage: LogDamage) => void = () => undefined,
): Promise<ScannedSegment> {
  const file = await fs.open(segment.path, 'write');
  try {
    const size = await file.size();
    const scanned = await scanSegment(segment, file, size);
    const end = scanned.endPosition;
    if (end < size) {
      const proof = await findProofOfDurability(file, end, size);
      if (proof !== null)
        throw new CorruptLog(segment.path, end, `damaged block (an intact later one is at byte ${proof})`);
      const records = await recordsBehind(file, end, size);
      await file.truncate(end);
      onDamage({
        message:
          'the end of the log was torn and is cut off; no sender was told that it was stored, unless the disk lost what it had acknowledged',
        fields: { file: segment.path, byte: end, bytesCut: size - end, recordsCut: records ?? 'unknown' },
      });
    }
    if (end > scanned.lastGroupPosition) {
      const group = Buffer.allocUnsafeSlow(end - scanned.lastGroupPosition);
      await file.read(group, scanned.lastGroupPosition);
      await file.write([group], scanned.lastGroupPosition);
    }
    await file.datasync();
    segment.durableBytes = end;
    return scanned;
  } finally {
    await file.close();
  }
}

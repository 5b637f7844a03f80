import { blockHeaderBytes, packPayload, writeBlockHeader, type Payload } from './segment-block.js';
import { Segment } from './segment-file.js';
import type { LogFile, LogFs } from './log-fs.js';

/** Records of one block, ready for the disk but for their place in a file. */
export interface PackedBlock {
  readonly payload: Payload;
  readonly records: number;
  readonly baseOffset: number;
  readonly appendedAt: number;
}

/**
 * Writes groups of blocks to the last segment of a partition; one call at a time. After an error nothing behind the durable part
 * of the file is believed: a failed fdatasync must not be tried again on the same pages (the kernel may have marked them
 * clean), and a failed write (full disk) may have left a part. The next call first cuts the file back to its durable part and goes on in
 * a fresh segment; while that fails too, so does the call.
 */
export class SegmentWriter {
  #file: LogFile | null = null;
  #broken = false;

  constructor(
    private readonly fs: LogFs,
    private readonly directory: string,
    /** All segments of the partition in order; the last one is written to. */
    readonly segments: Segment[],
    private readonly segmentBytesMax: number,
    private endOffset: number,
    private sealed: boolean,
  ) {}

  /** Durable when it resolves. */
  async write(blocks: readonly PackedBlock[]): Promise<void> {
    if (this.#broken) await this.#repair();
    try {
      const bytes = blocks.reduce((sum, block) => sum + blockHeaderBytes + block.payload.bytes.length, 0);
      if (this.#hasRecords && this.#last.durableBytes + bytes > this.segmentBytesMax) await this.#roll();
      await this.#writeGroup(blocks);
    } catch (error) {
      this.#broken = true;
      throw error;
    }
  }

  /** Proves to the next open that the last group was durable. Without it (a crash) nothing is lost but that proof. */
  async seal(appendedAt: number): Promise<void> {
    if (this.sealed || this.#broken || this.#last.durableBytes === 0) return;
    const payload = await packPayload(Buffer.alloc(0));
    await this.write([{ payload, records: 0, baseOffset: this.endOffset, appendedAt }]);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  // a segment without records has the name that the next one would get: it is written to, never rolled
  get #hasRecords(): boolean {
    return this.endOffset > this.#last.baseOffset;
  }

  get #last(): Segment {
    return this.segments.at(-1)!;
  }

  async #writeGroup(blocks: readonly PackedBlock[]): Promise<void> {
    const segment = this.#last;
    const file = (this.#file ??= await this.fs.open(segment.path, 'write'));
    const groupPosition = segment.durableBytes;
    const buffers: Buffer[] = [];
    const positions: number[] = [];
    let position = groupPosition;
    for (const { payload, ...place } of blocks) {
      positions.push(position);
      buffers.push(writeBlockHeader(payload, { ...place, position, groupPosition }));
      if (payload.bytes.length > 0) buffers.push(payload.bytes);
      position += blockHeaderBytes + payload.bytes.length;
    }
    await file.write(buffers, groupPosition);
    await file.datasync();
    segment.durableBytes = position;
    blocks.forEach((block, i) => segment.note(block.baseOffset, positions[i]!));
    const last = blocks.at(-1)!;
    this.endOffset = last.baseOffset + last.records;
    this.sealed = last.records === 0;
  }

  async #roll(): Promise<void> {
    await this.close();
    const segment = new Segment(this.directory, this.endOffset, 0);
    this.#file = await this.fs.open(segment.path, 'create');
    // left by an attempt that failed before its name was durable
    if ((await this.#file.size()) > 0) await this.#file.truncate(0);
    await this.fs.syncDirectory(this.directory);
    this.segments.push(segment);
  }

  async #repair(): Promise<void> {
    await this.close();
    const segment = this.#last;
    const file = await this.fs.open(segment.path, 'write');
    try {
      await file.truncate(segment.durableBytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    if (this.#hasRecords) await this.#roll();
    this.#broken = false;
  }
}

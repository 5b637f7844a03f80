import type { PartitionId, StoredRecord } from '../event-log.js';
import type { LogFile, LogFs } from './log-fs.js';
import { decodeRecords } from './record-codec.js';
import { blockHeaderBytes, unpackPayload } from './segment-block.js';
import { BlockReader, CorruptLog, type Block, type Segment } from './segment-file.js';

const readAheadBytes = 1024 * 1024;

/** Reads one partition from disk in order; only what is durable, however the files look behind that. */
export class SegmentReader {
  #segment: Segment | null = null;
  #file: LogFile | null = null;
  #blocks: BlockReader | null = null;
  #position = 0;

  constructor(
    private readonly fs: LogFs,
    private readonly partition: PartitionId,
    private readonly segments: readonly Segment[],
  ) {}

  /** Records from `from` on, below `end`: whole blocks up to about `bytesMax`, at least one. Blocks are inflated in parallel. */
  async read(from: number, end: number, bytesMax: number): Promise<StoredRecord[]> {
    const blocks: { block: Block; path: string }[] = [];
    let bytes = 0;
    let next = from;
    while (next < end && (blocks.length === 0 || bytes < bytesMax)) {
      const block = await this.#blockWith(next);
      const path = this.#segment!.path;
      blocks.push({ block, path });
      bytes += block.header.inflatedBytes;
      next = block.header.baseOffset + block.header.records;
    }
    const decoded = await Promise.all(blocks.map(({ block, path }) => this.#decode(block, path)));
    const records = decoded.flat();
    const skip = from - records[0]!.offset;
    return skip > 0 ? records.slice(skip) : records;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#segment = null;
    await file?.close();
  }

  async #blockWith(offset: number): Promise<Block> {
    const segment = segmentOf(this.segments, offset);
    if (segment !== this.#segment) {
      await this.close();
      this.#file = await this.fs.open(segment.path, 'read');
      this.#blocks = new BlockReader(this.#file, readAheadBytes);
      this.#segment = segment;
      this.#position = segment.seek(offset);
    }
    const limit = segment.durableBytes;
    for (;;) {
      const header = await this.#blocks!.header(this.#position, limit);
      if (header === null)
        throw new CorruptLog(segment.path, this.#position, `no block where offset ${offset} must be`);
      segment.note(header.baseOffset, this.#position);
      // a block before the wanted one, or a seal
      if (header.baseOffset + header.records <= offset) {
        this.#position += blockHeaderBytes + header.payloadBytes;
        continue;
      }
      const block = await this.#blocks!.block(this.#position, limit);
      if (block === null || header.baseOffset > offset)
        throw new CorruptLog(segment.path, this.#position, 'damaged block');
      this.#position = block.endPosition;
      return block;
    }
  }

  async #decode({ header, payload }: Block, path: string): Promise<StoredRecord[]> {
    const { topic, partition } = this.partition;
    try {
      const raw = await unpackPayload(header, payload);
      return decodeRecords(raw, header.records).map(({ key, headers, value }, i) => ({
        topic,
        partition,
        key,
        headers,
        value,
        offset: header.baseOffset + i,
        appendedAt: header.appendedAt,
      }));
    } catch (error) {
      throw new CorruptLog(path, header.position, `block that can't be decoded (${(error as Error).message})`);
    }
  }
}

function segmentOf(segments: readonly Segment[], offset: number): Segment {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (segments[middle]!.baseOffset <= offset) low = middle + 1;
    else high = middle;
  }
  return segments[low - 1]!;
}

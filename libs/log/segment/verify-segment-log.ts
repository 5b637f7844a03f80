import { topics } from '#libs/domain/event.js';
import type { PartitionId } from '../event-log.js';
import { nodeLogFs, type LogFile, type LogFs } from './log-fs.js';
import { partitionDirectory, readMeta } from './log-meta.js';
import { decodeRecords } from './record-codec.js';
import { blockHeaderBytes, unpackPayload } from './segment-block.js';
import { BlockReader, Segment, findProofOfDurability, readSegmentFileName } from './segment-file.js';

export interface PartitionReport extends PartitionId {
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  /** null when there are no records. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
  /** What is wrong, with file and position; empty when all is well. */
  readonly problems: readonly string[];
}

/**
 * Reads and decodes every record of a log and reports per partition. Changes nothing and needs no lock; beside a running
 * writer the last group of a partition may look like a torn tail.
 */
export async function verifySegmentLog(dir: string, fs: LogFs = nodeLogFs): Promise<readonly PartitionReport[]> {
  const counts = await readMeta(fs, dir);
  if (counts === null) throw new Error(`${dir} holds no log`);
  const reports: PartitionReport[] = [];
  for (const topic of topics) {
    for (let partition = 0; partition < counts[topic]; partition++) {
      reports.push(await verifyPartition(fs, partitionDirectory(dir, topic, partition), { topic, partition }));
    }
  }
  return reports;
}

async function verifyPartition(fs: LogFs, directory: string, id: PartitionId): Promise<PartitionReport> {
  const names = (await fs.list(directory)) ?? [];
  const offsets = names.flatMap((name) => readSegmentFileName(name) ?? []).sort((a, b) => a - b);
  const problems: string[] = [];
  let records = 0;
  let bytes = 0;
  if (offsets.length > 0 && offsets[0] !== 0)
    problems.push(`${directory}: the files before offset ${offsets[0]} are missing`);
  for (const [index, baseOffset] of offsets.entries()) {
    const segment = new Segment(directory, baseOffset, 0);
    const file = await fs.open(segment.path, 'read');
    try {
      const size = await file.size();
      bytes += size;
      records += await verifySegment(segment, file, size, offsets[index + 1] ?? null, problems);
    } finally {
      await file.close();
    }
  }
  const firstOffset = records === 0 ? null : offsets[0]!;
  return {
    ...id,
    segments: offsets.length,
    records,
    bytes,
    firstOffset,
    lastOffset: firstOffset === null ? null : firstOffset + records - 1,
    problems,
  };
}

async function verifySegment(
  segment: Segment,
  file: LogFile,
  size: number,
  nextBase: number | null,
  problems: string[],
): Promise<number> {
  const reader = new BlockReader(file, 1024 * 1024);
  let position = 0;
  let offset = segment.baseOffset;
  let appendedAt = 0;
  // behind the next file's base there may be what a failed write left; nothing reads it
  while (position < size && (nextBase === null || offset < nextBase)) {
    const block = await reader.block(position, size);
    if (block === null || block.header.baseOffset !== offset) {
      const torn = nextBase === null && (await findProofOfDurability(file, position, size)) === null;
      problems.push(
        `${segment.path}: ${torn ? 'torn tail (the next open cuts it)' : 'damaged block'} at byte ${position}, offset ${offset}`,
      );
      return offset - segment.baseOffset;
    }
    const { header, payload } = block;
    try {
      decodeRecords(await unpackPayload(header, payload), header.records);
    } catch (error) {
      problems.push(
        `${segment.path}: block at byte ${position}, offset ${offset} can't be decoded: ${(error as Error).message}`,
      );
    }
    if (header.appendedAt < appendedAt)
      problems.push(`${segment.path}: time goes back at byte ${position}, offset ${offset}`);
    appendedAt = header.appendedAt;
    position += blockHeaderBytes + header.payloadBytes;
    offset += header.records;
  }
  if (nextBase !== null && offset !== nextBase)
    problems.push(`${segment.path}: ends at offset ${offset}, the next file starts at ${nextBase}`);
  return offset - segment.baseOffset;
}

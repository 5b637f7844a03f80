import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CrashingDisk } from './crashing-fs.js';
import type { LogFs } from './log-fs.js';
import { blockHeaderBytes, blockIntact, packPayload, readBlockHeader, type BlockHeader } from './segment-block.js';
import { Segment, segmentFileName } from './segment-file.js';
import { SegmentWriter, type PackedBlock } from './segment-writer.js';

const directory = '/log/runs-0';

/** A block of so many records; on the disk it takes `bytes`. */
async function block(baseOffset: number, records: number, bytes = 100): Promise<PackedBlock> {
  const raw = Uint8Array.from({ length: bytes - blockHeaderBytes }, (_, i) => Math.imul(i + baseOffset, 0x9e3779b1) >>> 24);
  return { payload: await packPayload(Buffer.from(raw)), records, baseOffset, appendedAt: 5 };
} // prettier-ignore

/** A writer on a disk in memory that forgets what was not synced, and how many of its files are open. */
async function writerOver(more: { segmentBytesMax?: number; endOffset?: number; sealed?: boolean } = {}) {
  const disk = new CrashingDisk(directory);
  const open = { files: 0 };
  const counted: LogFs = {
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      open.files++;
      return { ...file, close: () => (open.files--, file.close()) };
    },
    mkdir: (path) => disk.mkdir(path),
    list: (path) => disk.list(path),
    readText: (path) => disk.readText(path),
    rename: (from, to) => disk.rename(from, to),
    syncDirectory: (path) => disk.syncDirectory(path),
  };
  const segments = [new Segment(directory, 0, 0)];
  await disk.open(segments[0]!.path, 'create');
  await disk.syncDirectory(directory);
  const { segmentBytesMax = 1e6, endOffset = 0, sealed = false } = more;
  const writer = new SegmentWriter(counted, directory, segments, segmentBytesMax, endOffset, sealed);
  /** The next thing that is done to the disk goes wrong. */
  const failNext = (kind: 'EIO' | 'ENOSPC', after = 0): void =>
    void (disk.fault = { operation: disk.operations + 1 + after, kind, part: 0.5 });
  return { disk, segments, writer, open, failNext };
}

/** What is in a file of a disk, block after block; all of them intact. */
async function blocksOf(disk: CrashingDisk, baseOffset: number): Promise<BlockHeader[]> {
  const file = await disk.open(join(directory, segmentFileName(baseOffset)), 'read');
  const bytes = Buffer.alloc(await file.size());
  await file.read(bytes, 0);
  const headers: BlockHeader[] = [];
  for (let at = 0; at < bytes.length; at += blockHeaderBytes + headers.at(-1)!.payloadBytes) {
    const header = readBlockHeader(bytes, at)!;
    expect(blockIntact(bytes, at, header)).toBe(true);
    headers.push(header);
  }
  return headers;
}
const places = (headers: readonly BlockHeader[]): number[][] =>
  headers.map(({ baseOffset, records, position, groupPosition }) => [baseOffset, records, position, groupPosition]);

describe('the writer of segments', () => {
  test('puts one group behind the other, durable when it says so, each block with its place and that of its group', async () => {
    const { disk, segments, writer, open } = await writerOver();
    await writer.write([await block(0, 2), await block(2, 1, 300)]);
    await writer.write([await block(3, 4)]);
    const left = disk.after('lost');
    expect(places(await blocksOf(left, 0))).toEqual([[0, 2, 0, 0], [2, 1, 100, 0], [3, 4, 400, 400]]); // prettier-ignore
    expect([segments.length, segments[0]!.durableBytes, open.files]).toEqual([1, 500, 1]);
    await writer.close();
    expect(open.files).toBe(0);
  });

  test('goes on in the file that it finds, behind what is durable there', async () => {
    const { disk, segments, writer } = await writerOver();
    await writer.write([await block(0, 2)]);
    await writer.close();
    const next = new SegmentWriter(disk, directory, segments, 1e6, 2, false);
    const before = disk.operations;
    await next.write([await block(2, 1)]);
    // a write and its fdatasync, and nothing else
    expect([segments.length, disk.operations - before]).toEqual([1, 2]);
    expect(places(await blocksOf(disk.after('lost'), 0))).toEqual([[0, 2, 0, 0], [2, 1, 100, 100]]); // prettier-ignore
  });

  test('remembers where blocks lie, so that nobody reads a file from its start', async () => {
    const { segments, writer } = await writerOver();
    await writer.write([await block(0, 1, 70_000), await block(1, 1, 70_000)]);
    await writer.write([await block(2, 1, 70_000)]);
    expect([0, 1, 2, 9].map((offset) => segments[0]!.seek(offset))).toEqual([0, 70_000, 140_000, 140_000]);
  });

  test('begins a file only when the last one would grow beyond its bound, named after its first record', async () => {
    for (const [segmentBytesMax, files] of [[200, [0, 4]], [199, [0, 2, 4]]] as const) {
      const { disk, segments, writer, open } = await writerOver({ segmentBytesMax });
      for (let group = 0; group < 3; group++) await writer.write([await block(group * 2, 2)]);
      expect(segments.map(({ baseOffset }) => baseOffset)).toEqual(files);
      const left = disk.after('lost');
      expect(await left.list(directory)).toEqual(files.map(segmentFileName));
      expect(places(await blocksOf(left, 4))).toEqual([[4, 2, 0, 0]]);
      expect([segments.at(-1)!.durableBytes, open.files]).toEqual([100, 1]);
    } // prettier-ignore
  });

  test('writes a group that is larger than a file may be, but never leaves a file without records behind', async () => {
    const { disk, segments, writer } = await writerOver({ segmentBytesMax: 150 });
    await writer.write([await block(0, 1, 400)]);
    expect(segments.map(({ baseOffset }) => baseOffset)).toEqual([0]);
    // as after a start on a file that holds a seal alone: the next one would have the same name
    const sealed = await writerOver({ segmentBytesMax: 90, sealed: false });
    sealed.segments[0]!.durableBytes = 48;
    await sealed.writer.write([await block(0, 1)]);
    expect(sealed.segments.length).toBe(1);
    expect(places(await blocksOf(disk.after('lost'), 0))).toEqual([[0, 1, 0, 0]]);
  });

  test('takes the place of a file that an earlier try has left behind', async () => {
    const { disk, writer } = await writerOver({ segmentBytesMax: 100 });
    const left = await disk.open(join(directory, segmentFileName(1)), 'create');
    await left.write([Buffer.alloc(5_000, 'x')], 0);
    await writer.write([await block(0, 1)]);
    await writer.write([await block(1, 1)]);
    expect(places(await blocksOf(disk.after('lost'), 1))).toEqual([[1, 1, 0, 0]]);
  });
});

describe('a seal', () => {
  test('is written once behind the last group, and again behind the next', async () => {
    const { disk, writer } = await writerOver();
    await writer.write([await block(0, 3)]);
    await writer.seal(9);
    await writer.seal(9);
    await writer.write([await block(3, 1)]);
    await writer.seal(10);
    const headers = await blocksOf(disk.after('lost'), 0);
    expect(places(headers)).toEqual([[0, 3, 0, 0], [3, 0, 100, 100], [3, 1, 148, 148], [4, 0, 248, 248]]); // prettier-ignore
    expect(headers.map(({ appendedAt }) => appendedAt)).toEqual([5, 9, 5, 10]);
  });

  test('is not written into a file that has one already, has nothing to prove, or can not be trusted', async () => {
    const fresh = await writerOver();
    await fresh.writer.seal(9);
    expect(fresh.disk.writes).toEqual([]);
    const old = await writerOver({ sealed: true, endOffset: 2 });
    old.segments[0]!.durableBytes = 148;
    await old.writer.seal(9);
    expect(old.disk.writes).toEqual([]);
    const broken = await writerOver();
    await broken.writer.write([await block(0, 1)]);
    broken.failNext('EIO');
    await expect(broken.writer.write([await block(1, 1)])).rejects.toMatchObject({ code: 'EIO' });
    const before = broken.disk.operations;
    await broken.writer.seal(9);
    expect(broken.disk.operations).toBe(before);
  });
});

describe('after an error', () => {
  test.each([
    ['a write', 0],
    ['an fdatasync', 1],
  ])('of %s the durable part is cut out, and a fresh file goes on', async (_, after) => {
    const { disk, segments, writer, open, failNext } = await writerOver();
    await writer.write([await block(0, 2)]);
    failNext('EIO', after);
    await expect(writer.write([await block(2, 1)])).rejects.toMatchObject({ code: 'EIO' });
    expect(segments[0]!.durableBytes).toBe(100);
    for (const offset of [2, 3]) await writer.write([await block(offset, 1)]);
    expect(segments.map(({ baseOffset, durableBytes }) => [baseOffset, durableBytes])).toEqual([[0, 100], [2, 200]]); // prettier-ignore
    await writer.close();
    expect(open.files).toBe(0);
    const left = disk.after('lost');
    expect(places(await blocksOf(left, 0))).toEqual([[0, 2, 0, 0]]);
    expect(places(await blocksOf(left, 2))).toEqual([[2, 1, 0, 0], [3, 1, 100, 100]]); // prettier-ignore
  });

  test('of the first write the same file goes on: it has no record yet', async () => {
    const { disk, segments, writer, failNext } = await writerOver();
    failNext('ENOSPC');
    await expect(writer.write([await block(0, 1, 900)])).rejects.toMatchObject({ code: 'ENOSPC' });
    for (const offset of [0, 1]) await writer.write([await block(offset, 1)]);
    expect(segments.length).toBe(1);
    expect(places(await blocksOf(disk.after('lost'), 0))).toEqual([[0, 1, 0, 0], [1, 1, 100, 100]]); // prettier-ignore
  });

  test('of a new file the next call makes it', async () => {
    for (let after = 0; after < 2; after++) {
      const { disk, segments, writer, failNext } = await writerOver({ segmentBytesMax: 100 });
      await writer.write([await block(0, 1)]);
      // its name, and that name on the disk
      failNext('EIO', after);
      await expect(writer.write([await block(1, 1)])).rejects.toMatchObject({ code: 'EIO' });
      expect(segments.length).toBe(1);
      await writer.write([await block(1, 1)]);
      expect(segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 1]);
      expect(places(await blocksOf(disk.after('lost'), 1))).toEqual([[1, 1, 0, 0]]);
    }
  });

  test('nothing is written until the cut is durable itself', async () => {
    for (let after = 0; after < 2; after++) {
      const { disk, segments, writer, open, failNext } = await writerOver();
      await writer.write([await block(0, 1)]);
      failNext('EIO');
      await expect(writer.write([await block(1, 1)])).rejects.toMatchObject({ code: 'EIO' });
      failNext('EIO', after);
      await expect(writer.write([await block(1, 1)])).rejects.toMatchObject({ code: 'EIO' });
      expect([segments.length, open.files]).toEqual([1, 0]);
      await writer.write([await block(1, 1)]);
      const left = disk.after('lost');
      expect(places(await blocksOf(left, 0))).toEqual([[0, 1, 0, 0]]);
      expect(places(await blocksOf(left, 1))).toEqual([[1, 1, 0, 0]]);
    }
  });
});

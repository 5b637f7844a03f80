import { describe, expect, test } from 'vitest';
import type { StoredRecord } from '../event-log.js';
import { CrashingDisk } from './crashing-fs.js';
import type { LogFs } from './log-fs.js';
import { RecordEncoder } from './record-codec.js';
import { packPayload } from './segment-block.js';
import { Segment } from './segment-file.js';
import { SegmentReader } from './segment-reader.js';
import { SegmentWriter, type PackedBlock } from './segment-writer.js';

const partition = { topic: 'runs', partition: 2 } as const;
const directory = '/log/runs-2';

/** A block of records from `baseOffset` on, each of so many bytes that its payload says which it is. */
async function block(baseOffset: number, records: number, bytes = 10): Promise<PackedBlock> {
  const encoder = new RecordEncoder(16);
  for (let offset = baseOffset; offset < baseOffset + records; offset++) {
    const value = Uint8Array.from({ length: bytes }, (_, i) => Math.imul(i + offset, 0x9e3779b1) >>> 24);
    encoder.add({ ...partition, key: `key ${offset}`, headers: { ce_id: `${offset}` }, value });
  }
  const payload = await packPayload(encoder.bytes.subarray(0, encoder.length));
  return { payload, records, baseOffset, appendedAt: 100 + baseOffset };
}

/** A reader over what groups of blocks have become on a disk, and what it did there. */
async function readerOver(groups: readonly (readonly PackedBlock[])[], segmentBytesMax = 1e9) {
  const disk = new CrashingDisk(directory);
  const written = [new Segment(directory, 0, 0)];
  await disk.open(written[0]!.path, 'create');
  const writer = new SegmentWriter(disk, directory, written, segmentBytesMax, 0, false);
  for (const group of groups) await writer.write(group);
  // as another process finds them: nothing is remembered of where blocks lie
  const segments = written.map(({ baseOffset, durableBytes }) => new Segment(directory, baseOffset, durableBytes));
  const done = { opened: 0, closed: 0, reads: 0 };
  const watched = {
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      done.opened++;
      return {
        ...file,
        read: (into, position) => (done.reads++, file.read(into, position)),
        close: () => (done.closed++, file.close()),
      };
    },
  } as Pick<LogFs, 'open'> as LogFs;
  return { disk, segments, done, reader: new SegmentReader(watched, partition, segments) };
}
const offsets = (records: readonly StoredRecord[]): number[] => records.map(({ offset }) => offset);

describe('the reader of segments', () => {
  test('gives records as they were, with their place and time', async () => {
    const { reader } = await readerOver([[await block(0, 1)], [await block(1, 2)]]);
    const records = await reader.read(1, 3, 1e9);
    expect(records).toEqual([
      { ...partition, key: 'key 1', headers: { ce_id: '1' }, value: expect.anything() as Uint8Array, offset: 1, appendedAt: 101 },
      { ...partition, key: 'key 2', headers: { ce_id: '2' }, value: expect.anything() as Uint8Array, offset: 2, appendedAt: 101 },
    ]); // prettier-ignore
    expect(Buffer.from(records[1]!.value).readUInt8(3)).toBe(Math.imul(5, 0x9e3779b1) >>> 24);
  });

  test('gives whole blocks until there are so many bytes, and one at least', async () => {
    const blocks = await Promise.all([0, 2, 4, 6].map((base) => block(base, 2)));
    const { inflatedBytes } = blocks[0]!.payload;
    for (const [bytesMax, count] of [[0, 2], [1, 2], [inflatedBytes, 2], [inflatedBytes + 1, 4], [1e9, 8]] as const)
      expect(offsets(await (await readerOver([blocks])).reader.read(0, 8, bytesMax))).toHaveLength(count); // prettier-ignore
    const { reader } = await readerOver([blocks]);
    expect(offsets(await reader.read(0, 8, 1))).toEqual([0, 1]);
    expect(offsets(await reader.read(2, 8, 1))).toEqual([2, 3]);
    expect(offsets(await reader.read(4, 8, 1e9))).toEqual([4, 5, 6, 7]);
  });

  test.each([0, 1, 2, 3, 4, 5])('begins with the record at %i and with its block', async (from) => {
    const { reader } = await readerOver([[await block(0, 2), await block(2, 2)], [await block(4, 2)]]);
    const last = from | 1;
    expect(offsets(await reader.read(from, 6, 1))).toEqual(from === last ? [last] : [from, last]);
  });

  test('gives nothing that is not durable, however much the file holds', async () => {
    const { reader, segments } = await readerOver([[await block(0, 2)], [await block(2, 2)]]);
    expect(offsets(await reader.read(0, 2, 1e9))).toEqual([0, 1]);
    const end = segments[0]!.durableBytes;
    segments[0]!.durableBytes = end - 1;
    await expect(reader.read(2, 4, 1e9)).rejects.toThrow(/no block where offset 2 must be at byte \d+/);
    segments[0]!.durableBytes = end;
    expect(offsets(await reader.read(2, 4, 1e9))).toEqual([2, 3]);
  });

  test('goes over seals and from file to file', async () => {
    const seal = { ...(await block(2, 0)), payload: await packPayload(Buffer.alloc(0)) };
    const groups = [[await block(0, 2)], [seal], [await block(2, 3)], [await block(5, 1)], [await block(6, 4)]];
    const { reader, segments, done } = await readerOver(groups, 250);
    expect(segments.length).toBeGreaterThan(2);
    expect(offsets(await reader.read(0, 10, 1e9))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await reader.close();
    for (let from = 0; from < 10; from++) {
      expect(offsets(await reader.read(from, 10, 1e9))[0]).toBe(from);
      await reader.close();
    }
    expect(done.closed).toBe(done.opened);
  });

  test('opens each file once, and reads ahead in it', async () => {
    const blocks = await Promise.all([0, 1, 2, 3, 4, 5].map((base) => block(base, 1)));
    const { reader, done } = await readerOver([blocks]);
    for (let from = 0; from < 6; from++) await reader.read(from, 6, 1);
    expect(done).toEqual({ opened: 1, closed: 0, reads: 1 });
    await reader.close();
    await reader.close();
    expect(done.closed).toBe(1);
    // and is of use again
    expect(offsets(await reader.read(3, 6, 1))).toEqual([3]);
    expect(done.opened).toBe(2);
  });

  test('remembers where blocks lie, so that the next reader need not go through the whole file', async () => {
    const blocks = await Promise.all([0, 1, 2, 3, 4, 5].map((base) => block(base, 1, 600_000)));
    const { reader, segments, disk } = await readerOver([blocks]);
    await reader.read(5, 6, 1);
    expect(segments[0]!.seek(5)).toBeGreaterThan(2_900_000);
    const next = new SegmentReader(disk, partition, segments);
    expect(offsets(await next.read(4, 6, 1))).toEqual([4]);
  });

  test('names the file and the byte of what it can not read', async () => {
    const good = await block(0, 2);
    const damage = async (at: number): Promise<unknown> => {
      const { reader, segments, disk } = await readerOver([[good], [await block(2, 2)]]);
      const file = await disk.open(segments[0]!.path, 'write');
      const place = 48 + good.payload.bytes.length;
      await file.write([Buffer.from('x')], place + at);
      expect(offsets(await reader.read(0, 2, 1e9))).toEqual([0, 1]);
      return reader.read(2, 4, 1e9).catch((error: unknown) => error);
    };
    const place = 48 + good.payload.bytes.length;
    const said = (what: string) => ({
      name: 'CorruptLog',
      message: expect.stringContaining(`/log/runs-2/00000000000000000000.log: ${what} at byte ${place}, inside`) as string,
    }); // prettier-ignore
    expect(await damage(50)).toMatchObject(said('damaged block'));
    expect(await damage(0)).toMatchObject(said('no block where offset 2 must be'));
  });

  test('does not take a later record for one that is missing', async () => {
    const { reader } = await readerOver([[await block(0, 2)], [await block(5, 2)]]);
    await expect(reader.read(3, 7, 1e9)).rejects.toThrow(/damaged block at byte \d+, inside/);
  });

  test('says so where a block is whole, and holds other records than it says', async () => {
    const { reader } = await readerOver([[await block(0, 2)], [{ ...(await block(2, 2)), records: 3 }]]);
    await expect(reader.read(3, 5, 1e9)).rejects.toMatchObject({
      name: 'CorruptLog',
      message: expect.stringMatching(/block that can't be decoded \(ends inside a number\) at byte \d+, inside/) as string,
    }); // prettier-ignore
  });
});

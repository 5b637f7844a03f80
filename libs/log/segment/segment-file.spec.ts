import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CrashingDisk } from './crashing-fs.js';
import { blockHeaderBytes, packPayload, writeBlockHeader } from './segment-block.js';
import { BlockReader, Segment, findProofOfDurability, readSegmentFileName, scanSegment, segmentFileName } from './segment-file.js'; // prettier-ignore

const directory = '/log/runs-0';
interface Made {
  readonly base: number;
  readonly records: number;
  /** On the disk, header included. */
  readonly bytes?: number;
}

/** A file of groups of blocks, one behind the other from `start` on; block `base` was appended at 100 + base. */
async function bytesOf(groups: readonly (readonly Made[])[], start = 0): Promise<Buffer> {
  const parts: Buffer[] = [];
  let position = start;
  for (const group of groups) {
    const groupPosition = position;
    for (const { base, records, bytes = 100 } of group) {
      const payload = await packPayload(Buffer.alloc(Math.min(bytes - blockHeaderBytes, 511), `${base}`));
      const appendedAt = 100 + base;
      parts.push(writeBlockHeader(payload, { records, baseOffset: base, appendedAt, position, groupPosition }));
      parts.push(payload.bytes);
      position += blockHeaderBytes + payload.bytes.length;
    }
  }
  return Buffer.concat(parts);
}

/** A file with these bytes on a disk in memory, and what is read of it: [position, bytes]. */
async function fileWith(bytes: Buffer) {
  const disk = new CrashingDisk(directory);
  const segment = new Segment(directory, 0, bytes.length);
  const file = await disk.open(segment.path, 'create');
  await file.write([bytes], 0);
  const reads: [number, number][] = [];
  const read: typeof file.read = (into, position) => (reads.push([position, into.length]), file.read(into, position));
  return { segment, file: { ...file, read }, reads };
}
const damaged = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 64;
  return copy;
};

describe('the name of a segment', () => {
  test('is its first offset, and no other file is taken for one', () => {
    expect([0, 12, 2 ** 53 - 1].map(segmentFileName)).toEqual(['00000000000000000000.log', '00000000000000000012.log', '00009007199254740991.log']); // prettier-ignore
    for (const offset of [0, 12, 2 ** 53 - 1]) expect(readSegmentFileName(segmentFileName(offset))).toBe(offset);
    const name = segmentFileName(12);
    for (const other of [`x${name}`, `0${name}`, name.slice(1), `${name}.new`, name.replace('.', '-'), '12.log', `${'x'.repeat(20)}.log`])
      expect(readSegmentFileName(other), other).toBeNull(); // prettier-ignore
    expect(new Segment(directory, 12, 0).path).toBe(join(directory, name));
  });
});

describe('what a segment remembers', () => {
  test('is one place in every 64 KiB, at or before an offset', () => {
    const segment = new Segment(directory, 10, 0);
    expect(segment.seek(10)).toBe(0);
    segment.note(15, 500);
    // twice, too near, and out of order
    segment.note(15, 500);
    segment.note(16, 500 + 65_535);
    segment.note(20, 500 + 65_536);
    segment.note(12, 200);
    segment.note(30, 500_000);
    segment.note(40, 600_000);
    expect([10, 14, 15, 16, 19, 20, 29, 30, 39, 40, 99].map((offset) => segment.seek(offset))).toEqual(
      [0, 0, 500, 500, 500, 66_036, 66_036, 500_000, 500_000, 600_000, 600_000],
    ); // prettier-ignore
  });
});

describe('the reader of blocks', () => {
  test.each([1, 60, 148, 1_000_000])('finds each block, reading %i bytes ahead', async (ahead) => {
    const bytes = await bytesOf([[{ base: 0, records: 2, bytes: 100 }, { base: 2, records: 1, bytes: 400 }], [{ base: 3, records: 1, bytes: 60 }]]); // prettier-ignore
    const { file } = await fileWith(bytes);
    const reader = new BlockReader(file, ahead);
    // in any order
    for (const [position, base, length] of [[0, 0, 52], [100, 2, 352], [500, 3, 12], [100, 2, 352], [0, 0, 52]] as const) {
      const block = (await reader.block(position, bytes.length))!;
      expect(block.header).toMatchObject({ baseOffset: base, position, payloadBytes: length });
      expect(block.payload.toString()).toBe(`${base}`.repeat(length));
      expect(block.endPosition).toBe(position + blockHeaderBytes + length);
      expect(await reader.header(position, bytes.length)).toEqual(block.header);
    } // prettier-ignore
  });

  test('reads ahead as far as it may, not once more for what it has, and never behind the limit', async () => {
    const bytes = await bytesOf([[{ base: 0, records: 1 }, { base: 1, records: 1 }, { base: 2, records: 1, bytes: 300 }, { base: 3, records: 1 }]]); // prettier-ignore
    const { file, reads } = await fileWith(bytes);
    const reader = new BlockReader(file, 200);
    for (const position of [0, 100, 200, 500]) expect(await reader.block(position, 600)).not.toBeNull();
    // two blocks at once; the third is longer than what is read ahead
    expect(reads).toEqual([[0, 200], [200, 200], [200, 300], [500, 100]]); // prettier-ignore
    expect(await reader.block(500, 600)).not.toBeNull();
    expect(reads.length).toBe(4);
  });

  test('finds nothing where a block is cut by the limit or the end, has another place, or is damaged', async () => {
    const bytes = await bytesOf([[{ base: 0, records: 1 }], [{ base: 1, records: 1 }]]);
    const { file } = await fileWith(Buffer.concat([bytes, bytes]));
    const found = async (position: number, limit: number) => (await new BlockReader(file, 1_000).header(position, limit)) !== null; // prettier-ignore
    expect([await found(100, 200), await found(100, 199), await found(100, 147), await found(100, 100)]).toEqual([true, false, false, false]); // prettier-ignore
    // a copy of a block is no block: it says where it lies
    expect([await found(200, 400), await found(1, 400), await found(400, 900), await found(0, 100)]).toEqual([false, false, false, true]); // prettier-ignore
    for (const at of [4, 30, 148, 199]) {
      const reader = new BlockReader((await fileWith(damaged(bytes, at))).file, 1_000);
      const intact = [await reader.block(0, 200), await reader.block(100, 200)].map((block) => block !== null);
      expect(intact, `byte ${at}`).toEqual([at >= 100, at < 100]);
    }
    const cut = new BlockReader((await fileWith(bytes.subarray(0, 150))).file, 1_000);
    expect(await cut.block(100, 200)).toBeNull();
  });
});

describe('a scan', () => {
  const groups = [[{ base: 7, records: 2 }, { base: 9, records: 1 }], [{ base: 10, records: 3 }]]; // prettier-ignore
  const scanned = async (bytes: Buffer) => {
    const { file, segment } = await fileWith(bytes);
    const at = new Segment(directory, 7, 0);
    return { ...(await scanSegment(at, file, bytes.length)), segment, at };
  };
  const all = {
    endPosition: 300,
    endOffset: 13,
    lastAppendedAt: 110,
    lastGroupPosition: 200,
    sealed: false,
    records: 6,
  };

  test('says where a file ends and what it holds', async () => {
    expect(await scanned(await bytesOf(groups))).toMatchObject(all);
    expect(await scanned(Buffer.alloc(0))).toMatchObject({ endPosition: 0, endOffset: 7, lastAppendedAt: 0, lastGroupPosition: 0, sealed: false, records: 0 }); // prettier-ignore
    const sealed = await bytesOf([...groups, [{ base: 13, records: 0, bytes: 48 }]]);
    expect(await scanned(sealed)).toMatchObject({ ...all, endPosition: 348, lastAppendedAt: 113, lastGroupPosition: 300, sealed: true }); // prettier-ignore
  });

  test('stops at the first block that is damaged, cut, or does not go on where the one before it ended', async () => {
    const bytes = await bytesOf(groups);
    const two = { endPosition: 200, endOffset: 10, lastAppendedAt: 109, lastGroupPosition: 0, sealed: false, records: 3 }; // prettier-ignore
    for (const other of [damaged(bytes, 250), bytes.subarray(0, 299), bytes.subarray(0, 210), bytes.subarray(0, 200)])
      expect(await scanned(other)).toMatchObject(two);
    for (const base of [9, 11]) {
      const next = await bytesOf([[{ base, records: 1 }]], 200);
      expect(await scanned(Buffer.concat([bytes.subarray(0, 200), next]))).toMatchObject(two);
    }
  });

  test('remembers where blocks lie', async () => {
    const many = Array.from({ length: 200 }, (_, i) => [{ base: 7 + i, records: 1, bytes: 548 }]);
    const { at } = await scanned(await bytesOf(many));
    expect(at.seek(206)).toBeGreaterThan(65_535);
    expect(at.seek(206) % 548).toBe(0);
  });
});

describe('the proof that a damaged place was durable', () => {
  const proof = async (bytes: Buffer, damagedAt: number): Promise<number | null> =>
    findProofOfDurability((await fileWith(bytes)).file, damagedAt, bytes.length);

  test('is an intact block of a later group', async () => {
    const bytes = await bytesOf([[{ base: 0, records: 1 }], [{ base: 1, records: 1 }, { base: 2, records: 1 }], [{ base: 3, records: 1 }]]); // prettier-ignore
    expect(await proof(damaged(bytes, 60), 0)).toBe(100);
    // the next block belongs to the damaged group
    expect(await proof(damaged(bytes, 160), 100)).toBe(300);
    expect(await proof(damaged(bytes, 260), 200)).toBe(300);
    expect(await proof(damaged(damaged(bytes, 60), 160), 0)).toBe(200);
    // with whatever looks like the start of a block before it
    const garbage = Buffer.from(bytes);
    garbage.write('RSL1RSL1', 110);
    garbage.write('RSL1', 196);
    expect(await proof(garbage, 100)).toBe(300);
  });

  test('is no block of the same group, none that is damaged or cut, and no copy of an older one', async () => {
    const bytes = await bytesOf([
      [{ base: 0, records: 1 }],
      [
        { base: 1, records: 1 },
        { base: 2, records: 1 },
      ],
    ]);
    expect(await proof(damaged(bytes, 160), 100)).toBeNull();
    expect(await proof(damaged(damaged(damaged(bytes, 60), 160), 260), 0)).toBeNull();
    expect(await proof(damaged(bytes, 60).subarray(0, 199), 0)).toBeNull();
    const later = await bytesOf([[{ base: 3, records: 1 }]], 900);
    expect(await proof(Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(100), later]), 100)).toBeNull();
    expect(await proof(Buffer.from('RSL1RSL1RSL1'), 0)).toBeNull();
    expect(await proof(Buffer.concat([bytes, Buffer.from('RSL1')]), 300)).toBeNull();
  });
});

import { describe, expect, test } from 'vitest';
import { CrashingDisk } from './crashing-fs.js';
import type { LogDamage } from './log-ends.js';
import type { LogFs } from './log-fs.js';
import { blockHeaderBytes, packPayload, writeBlockHeader } from './segment-block.js';
import { recoverSegment, Segment } from './segment-file.js';

const directory = '/log/runs-0';
const blockBytes = 100;

/** One group after the other; each number is a block with so many records, 0 a seal. */
async function bytesOf(groups: readonly (readonly number[])[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  let position = 0;
  let baseOffset = 0;
  for (const group of groups) {
    const groupPosition = position;
    for (const records of group) {
      const payload = await packPayload(Buffer.alloc(records === 0 ? 0 : blockBytes - blockHeaderBytes, `${records}`));
      const place = { records, baseOffset, appendedAt: 5, position, groupPosition };
      parts.push(writeBlockHeader(payload, place), payload.bytes);
      position += blockHeaderBytes + payload.bytes.length;
      baseOffset += records;
    }
  }
  return Buffer.concat(parts);
}

/** Recovers a file with these bytes; what was done to it, what was said, and what a loss of power leaves of it. */
async function recover(bytes: Buffer, tell = true) {
  const disk = new CrashingDisk(directory);
  const segment = new Segment(directory, 0, 0);
  const made = await disk.open(segment.path, 'create');
  // written, and on no disk: its fdatasync had failed
  await made.write([bytes], 0);
  await disk.syncDirectory(directory);
  const done: unknown[] = [];
  const watched = {
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      done.push('open');
      return {
        ...file,
        write: (buffers, position) => (done.push(['write', position, Buffer.concat(buffers).length]), file.write(buffers, position)),
        truncate: (size) => (done.push(['truncate', size]), file.truncate(size)),
        datasync: () => (done.push('datasync'), file.datasync()),
        close: () => (done.push('close'), file.close()),
      }; // prettier-ignore
    },
  } as Pick<LogFs, 'open'> as LogFs;
  const said: LogDamage[] = [];
  const outcome = await recoverSegment(watched, segment, tell ? (damage) => said.push(damage) : undefined).catch(
    (error: unknown) => error,
  );
  const left = Buffer.alloc(await made.size());
  await made.read(left, 0);
  return { outcome, done, said, left, segment };
}

describe('the recovery of the last file of a partition', () => {
  test('writes the last group again and waits until it is on the disk, as the process before may have failed to', async () => {
    const bytes = await bytesOf([[1, 2], [3, 1]]); // prettier-ignore
    const { outcome, done, said, left, segment } = await recover(bytes);
    expect(done).toEqual(['open', ['write', 200, 200], 'datasync', 'close']);
    expect(outcome).toMatchObject({ endPosition: 400, endOffset: 7, lastGroupPosition: 200 });
    expect([left.equals(bytes), segment.durableBytes, said]).toEqual([true, 400, []]);
  });

  test('leaves a file without a block alone', async () => {
    const { outcome, done, segment } = await recover(Buffer.alloc(0));
    expect([done, segment.durableBytes]).toEqual([['open', 'datasync', 'close'], 0]);
    expect(outcome).toMatchObject({ endPosition: 0, endOffset: 0 });
  });

  test.each([
    ['a block without its last byte', [[1], [2]], 199, 2],
    ['a header and nothing else', [[1], [2]], 148, 2],
    ['less than a header', [[1], [2]], 147, 'unknown'],
    ['one byte', [[1], [2]], 101, 'unknown'],
    ['three blocks of a group, the last one cut', [[1], [2, 3, 4]], 399, 'no cut of whole blocks'],
  ] as const)('cuts off a torn end: %s', async (_, groups, size, records) => {
    const bytes = (await bytesOf(groups)).subarray(0, size);
    const end = records === 'no cut of whole blocks' ? 300 : 100;
    const { outcome, done, said, left, segment } = await recover(bytes);
    const group = end === 300 ? ['write', 100, 200] : ['write', 0, 100];
    expect(done).toEqual(['open', ['truncate', end], group, 'datasync', 'close']);
    expect(left.equals(bytes.subarray(0, end))).toBe(true);
    expect([segment.durableBytes, outcome]).toMatchObject([end, { endPosition: end }]);
    expect(said).toEqual([
      {
        message: expect.stringMatching(/torn and is cut off; no sender was told/) as string,
        fields: { file: segment.path, byte: end, bytesCut: size - end, recordsCut: end === 300 ? 4 : records },
      },
    ]);
  });

  test('counts the records of all blocks behind the damage, as far as they can be read', async () => {
    const bytes = await bytesOf([[1], [2, 3, 4]]);
    bytes[160]! ^= 1;
    expect((await recover(bytes)).said[0]!.fields).toMatchObject({ byte: 100, bytesCut: 300, recordsCut: 9 });
    // a copy of an older block, and a number that no block has
    const copied = Buffer.concat([bytes.subarray(0, 300), bytes.subarray(0, 100)]);
    expect((await recover(copied)).said[0]!.fields).toMatchObject({ byte: 100, bytesCut: 300, recordsCut: 5 });
    for (const [records, counted] of [[1_000_001, 5], [1_000_000, 1_000_005]] as const) {
      const wild = Buffer.from(bytes);
      wild.writeUInt32LE(records, 300 + 16);
      expect((await recover(wild)).said[0]!.fields).toMatchObject({ recordsCut: counted });
    } // prettier-ignore
    const whole = await bytesOf([[1]]);
    expect((await recover(Buffer.concat([whole, Buffer.alloc(90, 'x')]))).said[0]!.fields).toMatchObject({ bytesCut: 90, recordsCut: 'unknown' }); // prettier-ignore
  });

  test('cuts without a word where nobody listens', async () => {
    const { outcome, left } = await recover((await bytesOf([[1], [2]])).subarray(0, 180), false);
    expect([outcome, left.length]).toMatchObject([{ endPosition: 100 }, 100]);
  });

  test('refuses what was durable once, names the place and its proof, and changes nothing', async () => {
    const bytes = await bytesOf([[1], [2], [3], [0]]);
    bytes[160]! ^= 1;
    const { outcome, done, said, left } = await recover(bytes);
    expect(outcome).toMatchObject({
      name: 'CorruptLog',
      message: expect.stringContaining(
        `${directory}/00000000000000000000.log: damaged block (an intact later one is at byte 200) at byte 100, inside data that was acknowledged`,
      ) as string,
    });
    expect([done, said, left.equals(bytes)]).toEqual([['open', 'close'], [], true]);
  });
});

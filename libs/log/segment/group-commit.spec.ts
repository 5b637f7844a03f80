import { describe, expect, test } from 'vitest';
import type { EventRecord, StoredRecord } from '../event-log.js';
import { GroupCommit } from './group-commit.js';
import { decodeRecords } from './record-codec.js';
import type { PackedBlock, SegmentWriter } from './segment-writer.js';

const partition = { topic: 'runs', partition: 3 } as const;
const recordOf = (text: string | Uint8Array): EventRecord => ({
  ...partition,
  key: 'k',
  headers: { ce_id: 'i' },
  value: typeof text === 'string' ? Buffer.from(text) : text,
});

/** A commit over a disk that does what the test says; what it was given to write, and what it has called durable. */
function commitOver(more: { endOffset?: number; lastAppendedAt?: number; clock?: () => number } = {}) {
  const written: (readonly PackedBlock[])[] = [];
  const durable: (readonly StoredRecord[])[] = [];
  const rawBytes: number[] = [];
  const disk = { write: (): Promise<void> => Promise.resolve() };
  const writer = {
    write: (blocks: readonly PackedBlock[]) => (written.push(blocks), disk.write()),
  } as unknown as SegmentWriter;
  const commit = new GroupCommit({
    partition,
    writer,
    clock: more.clock ?? (() => 5),
    endOffset: more.endOffset ?? 0,
    lastAppendedAt: more.lastAppendedAt ?? 0,
    onDurable: (records, bytes) => (durable.push(records), rawBytes.push(bytes)),
  });
  const texts = () => durable.flat().map(({ value }) => Buffer.from(value).toString());
  return { commit, written, durable, rawBytes, disk, texts };
}

describe('a group commit', () => {
  test('writes what all appenders of one moment bring at once, and tells each where its records lie', async () => {
    const { commit, written, durable, texts } = commitOver({ endOffset: 7 });
    const bases = await Promise.all([
      commit.append([recordOf('a'), recordOf('b')]),
      commit.append([recordOf('c')]),
      commit.append([recordOf('d')]),
    ]);
    expect(bases).toEqual([7, 9, 10]);
    expect([written.length, texts(), commit.durableEnd]).toEqual([1, ['a', 'b', 'c', 'd'], 11]);
    expect(written[0]).toMatchObject([{ records: 4, baseOffset: 7, appendedAt: 5 }]);
    expect(durable.flat().map(({ offset, appendedAt, topic, partition: part }) => [offset, appendedAt, topic, part])).toEqual(
      [7, 8, 9, 10].map((offset) => [offset, 5, 'runs', 3]),
    ); // prettier-ignore
    expect(await commit.append([recordOf('e')])).toBe(11);
  });

  test('gathers the next group while the disk works, and says what is durable before its appenders are told', async () => {
    const { commit, written, disk, texts } = commitOver();
    let finish = (): void => undefined;
    let began = (): void => undefined;
    const writing = new Promise<void>((resolve) => (began = resolve));
    disk.write = () => (began(), new Promise<void>((resolve) => (finish = resolve)));
    const first = commit.append([recordOf('a')]).then((base) => [base, texts()]);
    await writing;
    const [second, third] = [commit.append([recordOf('b')]), commit.append([recordOf('c')])];
    expect([written.length, commit.durableEnd]).toEqual([1, 0]);
    disk.write = () => Promise.resolve();
    finish();
    expect(await first).toEqual([0, ['a']]);
    expect(await Promise.all([second, third])).toEqual([1, 2]);
    expect([written.length, texts()]).toEqual([2, ['a', 'b', 'c']]);
  });

  test('is idle when nobody waits any more', async () => {
    const { commit, texts } = commitOver();
    await commit.idle();
    void commit.append([recordOf('a')]);
    await commit.idle();
    expect(texts()).toEqual(['a']);
  });

  test('closes a block at a quarter of a mebibyte, and gives a larger record its own', async () => {
    const { commit, written, durable, rawBytes } = commitOver();
    const value = new Uint8Array(100_000);
    await commit.append(Array.from({ length: 7 }, () => recordOf(value)));
    expect(written[0]!.map(({ records, baseOffset }) => [records, baseOffset])).toEqual([[3, 0], [3, 3], [1, 6]]); // prettier-ignore
    expect(durable.map((records) => records.map(({ offset }) => offset))).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    for (const bytes of rawBytes.slice(0, 2)) expect(bytes).toBeGreaterThan(300_000);
    await commit.append([recordOf(new Uint8Array(600_000)), recordOf('small')]);
    expect(written[1]!.map(({ records }) => records)).toEqual([1, 1]);
  });

  test('keeps copies of its own, no larger than they must be: what a caller does with its bytes later changes nothing', async () => {
    const { commit, durable, rawBytes } = commitOver();
    const mine = Buffer.from('mine');
    await commit.append([recordOf(mine)]);
    mine.fill('x');
    const { value } = durable[0]![0]!;
    expect([Buffer.from(value).toString(), value.buffer.byteLength]).toEqual(['mine', rawBytes[0]]);
    // a block that fills most of its memory is not copied once more
    await commit.append(Array.from({ length: 3 }, () => recordOf(new Uint8Array(100_000))));
    const large = durable[1]!;
    expect(large[0]!.value.buffer.byteLength).toBeLessThan(1.25 * rawBytes[1]!);
    expect(large[2]!.value.buffer).toBe(large[0]!.value.buffer);
  });

  test('writes what can be read back', async () => {
    const { commit, written } = commitOver();
    await commit.append([recordOf('a'), recordOf('b')]);
    const { payload, records } = written[0]![0]!;
    expect([payload.deflated, payload.inflatedBytes]).toEqual([false, payload.bytes.length]);
    expect(decodeRecords(payload.bytes, records).map(({ value }) => Buffer.from(value).toString())).toEqual(['a', 'b']);
  });

  test('never goes back in time, though the clock does', async () => {
    const times = [40, 30, 60];
    const { commit, durable } = commitOver({ lastAppendedAt: 50, clock: () => times.shift()! });
    expect(commit.appendedAt).toBe(50);
    for (let count = 0; count < 3; count++) await commit.append([recordOf('a')]);
    expect(durable.flat().map(({ appendedAt }) => appendedAt)).toEqual([50, 50, 60]);
    expect(commit.appendedAt).toBe(60);
  });

  test.each([
    ['ENOSPC', /^log runs\/3: the disk is full \(ENOSPC\).*free some space and try again$/],
    ['EIO', /^log runs\/3: the disk refused a write \(EIO\).*for certain; try again$/],
  ])(
    'that the disk refuses with %s fails for all who wait, and numbering goes on at the durable end',
    async (code, said) => {
      const { commit, disk, texts } = commitOver({ endOffset: 4 });
      const refusal = Object.assign(new Error(code), { code });
      let late: Promise<unknown> = Promise.resolve();
      disk.write = () => {
        // whoever joins while the disk fails has an offset behind what is lost
        late = commit.append([recordOf('late')]).catch((error: unknown) => error);
        return Promise.reject(refusal);
      };
      const lost = commit.append([recordOf('a'), recordOf('b')]).catch((error: unknown) => error);
      const error = (await lost) as Error & { retryAfterMs: number };
      expect(error).toMatchObject({ name: 'Unavailable', cause: refusal, retryAfterMs: 1_000 });
      expect(error.message).toMatch(said);
      expect(await late).toBe(error);
      expect([texts(), commit.durableEnd]).toEqual([[], 4]);
      disk.write = () => Promise.resolve();
      expect(await commit.append([recordOf('c')])).toBe(4);
      expect(texts()).toEqual(['c']);
      await commit.idle();
    },
  );
});

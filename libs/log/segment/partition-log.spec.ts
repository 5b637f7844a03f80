import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { EventRecord, StoredRecord } from '../event-log.js';
import { sizeOfRecord, TailCache } from '../tail-cache.js';
import { CrashingDisk } from './crashing-fs.js';
import type { LogFs } from './log-fs.js';
import { openPartitionLog, type PartitionLog, type PartitionLogOptions } from './partition-log.js';
import { segmentFileName } from './segment-file.js';

const directory = '/log/runs-1';
const partition = { topic: 'runs', partition: 1 } as const;
const recordOf = (text: string, bytes = 100): EventRecord => ({
  ...partition,
  key: 'k',
  headers: { ce_id: text },
  value: new Uint8Array(bytes),
});
const size = sizeOfRecord(recordOf('x') as StoredRecord);
const idsOf = (records: readonly StoredRecord[]): string[] => records.map(({ headers }) => headers['ce_id']!);
const never = (): AbortSignal => new AbortController().signal;
const nap = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** A disk in memory, how many of its files are open, and how often it was read. */
function diskOf(disk = new CrashingDisk(directory)) {
  const seen = { open: 0, reads: 0 };
  const fs: LogFs = {
    open: async (path, mode) => {
      const file = await disk.open(path, mode);
      seen.open++;
      return {
        ...file,
        read: (into, position) => (seen.reads++, file.read(into, position)),
        close: () => (seen.open--, file.close()),
      };
    },
    mkdir: (path) => disk.mkdir(path),
    list: (path) => disk.list(path),
    readText: (path) => disk.readText(path),
    rename: (from, to) => disk.rename(from, to),
    syncDirectory: (path) => disk.syncDirectory(path),
  };
  return { disk, fs, seen };
}
const open = (fs: LogFs, more: Partial<PartitionLogOptions> & { tailBytesMax?: number } = {}): Promise<PartitionLog> =>
  openPartitionLog({
    fs,
    directory,
    partition,
    clock: () => 5,
    segmentBytesMax: 1e9,
    tail: new TailCache(more.tailBytesMax ?? 0).partition(),
    ...more,
  });

async function bytesOf(disk: CrashingDisk, baseOffset: number): Promise<Buffer> {
  const file = await disk.open(join(directory, segmentFileName(baseOffset)), 'read');
  const bytes = Buffer.alloc(await file.size());
  await file.read(bytes, 0);
  return bytes;
}

async function readAll(log: PartitionLog, from = 0, batchBytesMax = 1e9): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of log.read(from, { follow: false, signal: never(), batchBytesMax }))
    batches.push(idsOf(batch));
  return batches;
}

describe('a partition', () => {
  test('begins with one file, and says what it holds', async () => {
    const { disk, fs, seen } = diskOf();
    const log = await open(fs);
    expect(log.range).toEqual({ ...partition, start: 0, end: 0 });
    expect(log.ends).toEqual({ end: 0, segments: [[0, 0]] });
    expect(seen.open).toBe(0);
    expect(await log.append([recordOf('a'), recordOf('b')])).toBe(0);
    expect(await log.append([recordOf('c')])).toBe(2);
    expect(log.range).toEqual({ ...partition, start: 0, end: 3 });
    expect(log.ends.end).toBe(3);
    expect(log.ends.segments).toEqual([[0, (await bytesOf(disk, 0)).length]]);
    expect(await readAll(log)).toEqual([['a', 'b', 'c']]);
    await log.close();
    expect(seen.open).toBe(0);
    // also where its name had to become durable first
    const next = diskOf(disk.after('lost'));
    const again = await open(next.fs);
    expect(await readAll(again)).toEqual([['a', 'b', 'c']]);
    expect(await again.append([recordOf('d')])).toBe(3);
    expect(next.seen.open).toBe(1);
  });

  test('is opened with all of its files in order, and none that is not its own', async () => {
    const { disk, fs } = diskOf();
    const log = await open(fs, { segmentBytesMax: 200 });
    for (let i = 0; i < 12; i++) await log.append([recordOf(`${i}`)]);
    expect(log.ends.segments.map(([base]) => base)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const { ends } = log;
    await log.close();
    for (const name of ['notes.txt', `${segmentFileName(3)}.bak`]) await disk.open(join(directory, name), 'create');
    const next = diskOf(disk.after('kept'));
    // no disk lists its files in an order
    const shuffled: LogFs = { ...next.fs, list: async (path) => [...(await next.fs.list(path))!].reverse() };
    const again = await open(shuffled, { ends });
    expect(again.ends.segments.slice(0, 11)).toEqual(ends.segments.slice(0, 11));
    expect(next.seen.open).toBe(0);
    expect((await readAll(again)).flat()).toEqual(Array.from({ length: 12 }, (_, i) => `${i}`));
    // what its ends say must be there
    const cut = { ...ends, segments: ends.segments.map(([base, bytes]) => [base, bytes + 1] as const) };
    await expect(open(diskOf(disk.after('kept')).fs, { ends: cut })).rejects.toThrow('the file is cut');
  });

  test('is not opened without its first file', async () => {
    const { disk, fs } = diskOf();
    await disk.open(join(directory, segmentFileName(4)), 'create');
    await expect(open(fs)).rejects.toMatchObject({
      name: 'CorruptLog',
      message: expect.stringContaining('starts at offset 4, earlier files are missing at byte 0') as string,
    });
  });

  test('goes on at the time of its last record, which may lie in the file before', async () => {
    const { disk, fs, seen } = diskOf();
    const log = await open(fs, { clock: () => 70 });
    await log.append([recordOf('a', 100_000)]);
    await log.append([recordOf('b')]);
    await log.close();
    const early = async (): Promise<number[]> => {
      const next = await open(fs, { clock: () => 50 });
      await next.append([recordOf('c')]);
      const times: number[] = [];
      for await (const batch of next.read(0, { follow: false, signal: never() }))
        times.push(...batch.map(({ appendedAt }) => appendedAt));
      await next.close();
      return times;
    };
    // a crash came between the new file and its first record
    await disk.open(join(directory, segmentFileName(2)), 'create');
    expect(await early()).toEqual([70, 70, 70]);
    expect(await early()).toEqual([70, 70, 70, 70]);
    expect(seen.open).toBe(0);
  });

  test('goes on at the time of its last record though a crash has left that without a seal', async () => {
    for (const made of [false, true]) {
      const { disk, fs } = diskOf();
      let now = 70;
      const log = await open(fs, { clock: () => now, segmentBytesMax: 200 });
      await log.append([recordOf('a')]);
      now = 90;
      await log.append([recordOf('b')]);
      const left = disk.after('lost');
      if (made) await left.open(join(directory, segmentFileName(2)), 'create');
      const next = await open(left, { clock: () => 80 });
      expect(await next.append([recordOf('c')])).toBe(2);
      const times: number[] = [];
      for await (const batch of next.read(0, { follow: false, signal: never() }))
        times.push(...batch.map(({ appendedAt }) => appendedAt));
      expect(times).toEqual([70, 90, 90]);
    }
  });

  test('is sealed when it closes, and its file closed though the disk refuses that', async () => {
    const { disk, fs, seen } = diskOf();
    const log = await open(fs);
    const last = log.append([recordOf('a')]);
    await log.close();
    expect(await last).toBe(0);
    const bytes = await bytesOf(disk, 0);
    expect(bytes.lastIndexOf('RSL1')).toBe(bytes.length - 48);
    const broken = await open(fs);
    await broken.append([recordOf('b')]);
    disk.fault = { operation: disk.operations + 1, kind: 'EIO', part: 0 };
    await expect(broken.close()).rejects.toMatchObject({ code: 'EIO' });
    expect(seen.open).toBe(0);
  });
});

describe('a reader of a partition', () => {
  test('is refused outside of what there is', async () => {
    const log = await open(diskOf().fs);
    await log.append([recordOf('a')]);
    for (const from of [-1, 2, 0.5, Number.NaN])
      await expect(readAll(log, from)).rejects.toThrow(`log runs/1: offset ${from} is outside [0, 1]`);
    expect([await readAll(log, 0), await readAll(log, 1)]).toEqual([[['a']], []]);
  });

  test.each([0, 1e9])('gets batches as large as it asks, with %i bytes in memory', async (tailBytesMax) => {
    const { fs, seen } = diskOf();
    const log = await open(fs, { tailBytesMax });
    await log.append([recordOf('a'), recordOf('b'), recordOf('c')]);
    await log.append([recordOf('d')]);
    expect(await readAll(log, 0, 2 * size)).toEqual([['a', 'b'], ['c', 'd']]); // prettier-ignore
    expect((await readAll(log, 1, 2 * size - 1)).map((batch) => batch.length)).toEqual([1, 1, 1]);
    expect(await readAll(log, 2)).toEqual([['c', 'd']]);
    // what is in memory is not read from the disk
    if (tailBytesMax > 0) expect(seen.reads).toBe(0);
    expect(seen.open).toBe(1);
  });

  test('goes from the disk over to what is in memory', async () => {
    const { fs, seen } = diskOf();
    // one block stays in memory: 600 for a record, and its bytes
    const log = await open(fs, { tailBytesMax: 1_000 });
    for (const id of ['a', 'b', 'c', 'd']) await log.append([recordOf(id)]);
    const reading = log.read(0, { follow: false, signal: never(), batchBytesMax: size })[Symbol.asyncIterator]();
    const ids: string[] = [];
    const reads: number[] = [];
    for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
      ids.push(...idsOf(next.value));
      await nap();
      reads.push(seen.reads);
    }
    expect(ids).toEqual(['a', 'b', 'c', 'd']);
    // the file was read ahead as a whole: a and those behind it
    expect(reads).toEqual([1, 1, 1, 1]);
    expect(seen.open).toBe(1);
  });

  test('gets each record once, though what it has read from the disk is in memory too and leaves that meanwhile', async () => {
    // one block stays in memory
    const log = await open(diskOf().fs, { tailBytesMax: 1_000 });
    for (const id of ['a', 'b', 'c']) await log.append([recordOf(id)]);
    const reading = log.read(0, { follow: false, signal: never(), batchBytesMax: size })[Symbol.asyncIterator]();
    const ids: string[] = [];
    for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
      ids.push(...idsOf(next.value));
      if (ids.at(-1) === 'c') for (const id of ['d', 'e']) await log.append([recordOf(id)]);
    }
    expect(ids).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('has the next batch read while it works on one, from the disk alone', async () => {
    const { fs, seen } = diskOf();
    const log = await open(fs, { segmentBytesMax: 200 });
    for (const id of ['a', 'b', 'c']) await log.append([recordOf(id)]);
    const reading = log.read(0, { follow: false, signal: never(), batchBytesMax: 1 })[Symbol.asyncIterator]();
    const reads: number[] = [];
    for (let count = 0; count < 3; count++) {
      expect((await reading.next()).done).toBe(false);
      await nap();
      reads.push(seen.reads);
    }
    // one file each, the next one always ahead, and none behind the last
    expect(reads).toEqual([2, 3, 3]);
    expect((await reading.next()).done).toBe(true);
    expect(seen.open).toBe(1);
    // the next is in memory: nothing is read ahead
    const kept = diskOf();
    const tailed = await open(kept.fs, { segmentBytesMax: 200, tailBytesMax: 1_000 });
    for (const id of ['a', 'b']) await tailed.append([recordOf(id)]);
    const over = tailed.read(0, { follow: false, signal: never(), batchBytesMax: 1 })[Symbol.asyncIterator]();
    expect(idsOf((await over.next()).value as StoredRecord[])).toEqual(['a']);
    await nap();
    expect(kept.seen.reads).toBe(1);
    await over.return!(undefined);
    expect(kept.seen.open).toBe(1);
  });

  test('gets all that is whole before it hears of damage, and leaves no file open when it goes early', async () => {
    const { disk, fs, seen } = diskOf();
    const log = await open(fs, { segmentBytesMax: 200 });
    for (const id of ['a', 'b', 'c']) await log.append([recordOf(id)]);
    const file = await disk.open(join(directory, segmentFileName(1)), 'write');
    await file.write([Buffer.from('x')], 60);
    const reading = log.read(0, { follow: false, signal: never(), batchBytesMax: 1 })[Symbol.asyncIterator]();
    expect(idsOf((await reading.next()).value as StoredRecord[])).toEqual(['a']);
    await nap();
    await expect(reading.next()).rejects.toThrow(/damaged block at byte 0/);
    expect(seen.open).toBe(1);
    // a read that is on its way and never asked for is no error of anybody
    const gone = log.read(0, { follow: false, signal: never(), batchBytesMax: 1 })[Symbol.asyncIterator]();
    await gone.next();
    await gone.return!(undefined);
    expect(seen.open).toBe(1);
  });

  test('that follows waits for what comes, and leaves no trace on its signal', async () => {
    const log = await open(diskOf().fs);
    const stop = new AbortController();
    const reading = log.read(0, { follow: true, signal: stop.signal })[Symbol.asyncIterator]();
    for (const id of ['a', 'b', 'c']) {
      const next = reading.next();
      await nap();
      expect(getEventListeners(stop.signal, 'abort').length).toBe(1);
      await log.append([recordOf(id)]);
      expect(idsOf((await next).value as StoredRecord[])).toEqual([id]);
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    }
    const last = reading.next();
    await nap();
    stop.abort();
    expect((await last).done).toBe(true);
    // and who comes with a signal that has gone off gets nothing
    const late = log.read(0, { follow: true, signal: stop.signal })[Symbol.asyncIterator]();
    expect((await late.next()).done).toBe(true);
  });

  test('that waits when the partition closes is refused', async () => {
    const log = await open(diskOf().fs);
    const reading = log.read(0, { follow: true, signal: never() })[Symbol.asyncIterator]();
    const refused = reading.next().catch((error: unknown) => error);
    await nap();
    await log.close();
    expect(await refused).toMatchObject({ name: 'Unavailable', message: 'the log is closed' });
    await expect(log.read(0, { follow: true, signal: never() })[Symbol.asyncIterator]().next()).rejects.toMatchObject({ name: 'Unavailable' }); // prettier-ignore
  });
});

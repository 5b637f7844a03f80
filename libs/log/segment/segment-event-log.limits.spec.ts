import { getEventListeners } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog, EventRecord, StoredRecord } from '../event-log.js';
import { nodeLogFs, type LogFs } from './log-fs.js';
import { openSegmentEventLog, type SegmentEventLogOptions } from './segment-event-log.js';

const partition = { topic: 'runs', partition: 0 } as const;
const recordOf = (bytes: number, more: Partial<EventRecord> = {}): EventRecord => ({
  ...partition,
  key: 'k',
  headers: {},
  value: new Uint8Array(bytes),
  ...more,
});

describe('the bounds of a log in files', () => {
  let dir: string;
  let log: EventLog | null;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'runstream-bounds-'));
    log = null;
  });
  afterEach(async () => {
    await log?.close();
    await rm(dir, { recursive: true });
  });
  const counts = { catalog: 1, runs: 2, telemetry: 1 };
  const open = async (more: Partial<SegmentEventLogOptions> = {}): Promise<EventLog> =>
    (log = await openSegmentEventLog({ dir, partitions: counts, clock: Date.now, ...more }));
  const readAll = async (from = 0, batchBytesMax?: number): Promise<StoredRecord[][]> => {
    const batches: StoredRecord[][] = [];
    const { signal } = new AbortController();
    const options = { follow: false, signal, ...(batchBytesMax !== undefined && { batchBytesMax }) };
    for await (const batch of log!.read(partition, from, options)) batches.push([...batch]);
    return batches;
  };

  test('what waits for the disk is bounded to the byte, but one request alone is always taken', async () => {
    const record = recordOf(935);
    // a key, a value and 64 bytes around them: 1,000
    const store = await open({ queueBytesMax: 3_000 });
    const taken = [store.append([record]), store.append([record, record])];
    await expect(store.append([recordOf(0)])).rejects.toMatchObject({
      name: 'Unavailable',
      message: expect.stringContaining('3000 bytes already wait for the disk (limit 3000)') as string,
    });
    await Promise.all(taken);
    // what headers say counts too, and all is free again
    const large = store.append([recordOf(5_000, { headers: { ab: 'cd' } })]);
    await expect(store.append([record])).rejects.toThrow(/5067 bytes already wait/);
    await large;
    await store.append([record]);
  });

  test('what a failing disk has refused waits no more', async () => {
    const disk = { full: false };
    const fs: LogFs = {
      ...nodeLogFs,
      async open(path, mode) {
        const file = await nodeLogFs.open(path, mode);
        const write = file.write.bind(file);
        return Object.assign(file, {
          write: (...args: Parameters<typeof write>) =>
            disk.full ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })) : write(...args),
        });
      },
    };
    const store = await open({ fs, queueBytesMax: 2_000 });
    await store.append([recordOf(10)]);
    disk.full = true;
    for (let time = 0; time < 3; time++)
      await expect(store.append([recordOf(1_500)])).rejects.toThrow('the disk is full');
    disk.full = false;
    expect(await store.append([recordOf(1_500)])).toEqual([{ ...partition, offset: 1 }]);
  });

  test('a disk that keeps an older record of the ends stops nothing; what is wrong with the program does, and the directory is free', async () => {
    let refusal: Error | null = Object.assign(new Error('read-only'), { code: 'EROFS' });
    const fs: LogFs = {
      ...nodeLogFs,
      rename: (from, to) =>
        refusal && to.endsWith('ends.json') ? Promise.reject(refusal) : nodeLogFs.rename(from, to),
    };
    await (await open({ fs })).append([recordOf(1)]);
    await log!.close();
    expect(await readdir(dir)).not.toContain('ends.json');
    refusal = new Error('a mistake');
    await expect(open({ fs })).rejects.toBe(refusal);
    refusal = null;
    const store = await open({ fs });
    expect(await store.ranges('runs')).toMatchObject([{ end: 1 }, { end: 0 }]);
    expect(JSON.parse(await readFile(join(dir, 'ends.json'), 'utf8'))).toMatchObject({ partitions: { 'runs/0': { end: 1 }, 'telemetry/0': { end: 0 } } }); // prettier-ignore
    await store.append([recordOf(1)]);
    refusal = new Error('another');
    await expect(store.close()).rejects.toBe(refusal);
    refusal = null;
    await (await open({ fs })).close();
    expect(JSON.parse(await readFile(join(dir, 'ends.json'), 'utf8'))).toMatchObject({ partitions: { 'runs/0': { end: 2 } } }); // prettier-ignore
  });

  test('the directory is free only when nobody writes there any more, though one partition has failed long before', async () => {
    const disk = { broken: false, working: 0 };
    const fs: LogFs = {
      ...nodeLogFs,
      async open(path, mode) {
        const file = await nodeLogFs.open(path, mode);
        const datasync = async (): Promise<void> => {
          if (!disk.broken) return;
          if (path.includes('runs-0')) throw Object.assign(new Error('no sync'), { code: 'EIO' });
          disk.working++;
          await new Promise((resolve) => setTimeout(resolve, 30));
          disk.working--;
        };
        return Object.assign(file, { datasync });
      },
    };
    const both = [recordOf(1), recordOf(1, { partition: 1 })];
    const store = await open({ fs });
    await store.append(both);
    disk.broken = true;
    await expect(store.close()).rejects.toThrow('no sync');
    expect(disk.working).toBe(0);
    await expect(open({ fs })).rejects.toThrow('no sync');
    expect(disk.working).toBe(0);
    disk.broken = false;
    const next = await open({ fs });
    disk.broken = true;
    await expect(next.append(both)).rejects.toThrow('no sync');
    expect(disk.working).toBe(0);
  });

  test('what is missing at the end is told where somebody listens, and stops nobody else', async () => {
    const store = await open();
    await store.append([recordOf(1), recordOf(1, { partition: 1 })]);
    await store.close();
    await rm(join(dir, 'runs-1'), { recursive: true });
    await (await open()).close();
    expect(await log!.ranges('runs')).toMatchObject([{ end: 1 }, { end: 0 }]);
    await writeFile(join(dir, 'ends.json'), '{');
    await (await open()).close();
  });

  test('a group of readers is given all partitions of its topics once, and keeps nothing of it when it goes', async () => {
    const store = await open();
    const stop = new AbortController();
    const given = store.assignments('g', ['runs', 'catalog'], stop.signal)[Symbol.asyncIterator]();
    const partitions = [partition, { ...partition, partition: 1 }, { topic: 'catalog', partition: 0 }];
    expect(await given.next()).toEqual({ done: false, value: { partitions } });
    const next = given.next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(getEventListeners(stop.signal, 'abort').length).toBe(1);
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    const late = store.assignments('g', ['runs'], stop.signal)[Symbol.asyncIterator]();
    expect(await late.next()).toEqual({ done: true, value: undefined });
    // one that has it and is told to go before it asks for more
    const early = new AbortController();
    const short = store.assignments('g', ['runs'], early.signal)[Symbol.asyncIterator]();
    expect((await short.next()).done).toBe(false);
    early.abort();
    expect((await short.next()).done).toBe(true);
  });

  test('a header that is no text is refused before anything is queued', async () => {
    const store = await open({ queueBytesMax: 10 });
    const wrong = recordOf(5, { headers: { ce_id: 7 as unknown as string } });
    await expect(store.append([recordOf(5), wrong])).rejects.toThrow('log: header ce_id is not text');
    expect(await store.append([])).toEqual([]);
    expect(await store.ranges('runs')).toMatchObject([{ start: 0, end: 0 }, { end: 0 }]);
    expect(await store.append([recordOf(5)])).toEqual([{ ...partition, offset: 0 }]);
  });

  test('a topic or a partition that is not there is named', async () => {
    const store = await open();
    const elsewhere = { topic: 'nonsense' as 'runs', partition: 0 };
    expect(() => store.partitionCount(elsewhere.topic)).toThrow('there is no topic nonsense');
    await expect(store.append([recordOf(1, { partition: 2 })])).rejects.toThrow('topic runs has no partition 2, only 0 to 1'); // prettier-ignore
    await expect(store.append([recordOf(1, elsewhere)])).rejects.toThrow(RangeError);
    const { signal } = new AbortController();
    for (const from of [-1, 0.5, 1])
      await expect(store.read(partition, from, { follow: false, signal })[Symbol.asyncIterator]().next()).rejects.toThrow(
        `log runs/0: offset ${from} is outside [0, 0]`,
      ); // prettier-ignore
  });

  test('a closed log takes nothing, tells who follows it, and may be closed again', async () => {
    const store = await open();
    const following = store.read(partition, 0, { follow: true, signal: new AbortController().signal });
    const next = following[Symbol.asyncIterator]().next();
    next.catch(() => undefined);
    const last = store.append([recordOf(3)]);
    await Promise.all([store.close(), store.close()]);
    expect(await last).toHaveLength(1);
    await expect(store.append([recordOf(3)])).rejects.toMatchObject({ name: 'Unavailable' });
    const { value } = await next;
    expect(value).toHaveLength(1);
    await expect(following[Symbol.asyncIterator]().next()).rejects.toThrow('the log is closed');
    await expect(open({ partitions: { ...counts, runs: 3 } })).rejects.toThrow(/runs has 2 partitions/);
    // and the directory is free for the next one, which keeps it though the first is closed once more
    await open();
    const owner = await readFile(join(dir, 'lock'), 'utf8');
    await store.close();
    expect(await readFile(join(dir, 'lock'), 'utf8')).toBe(owner);
  });

  test('a segment has at most a gibibyte, and the next file begins where one would grow beyond its bound', async () => {
    await expect(open({ segmentBytesMax: 2 ** 30 + 1 })).rejects.toThrow(/segmentBytesMax 1073741825 is more than/);
    await (await open({ segmentBytesMax: 2 ** 30 })).close();
    const store = await open({ segmentBytesMax: 2_000 });
    for (let count = 0; count < 3; count++) {
      const noise = Uint8Array.from({ length: 900 }, (_, i) => (i * 7_919 * (count + 3)) >>> 3);
      await store.append([recordOf(0, { value: noise })]);
    }
    const folder = join(dir, 'runs-0');
    const files = (await readdir(folder)).sort();
    expect(files).toEqual(['00000000000000000000.log', '00000000000000000002.log']);
    expect((await stat(join(folder, files[0]!))).size).toBeLessThanOrEqual(2_000);
    expect((await readAll()).flat().map(({ offset }) => offset)).toEqual([0, 1, 2]);
  });

  test.each([0, 1e6])('batches are as large as asked, with %d bytes in memory', async (tailBytesMax) => {
    const store = await open({ tailBytesMax, segmentBytesMax: 3_000 });
    for (let count = 0; count < 12; count++) await store.append([recordOf(100)]);
    // as a batch counts it: the value and 128 bytes around it
    for (const bytes of [0, 228])
      expect((await readAll(0, bytes)).map((batch) => batch.length)).toEqual(Array(12).fill(1));
    const sizes = (await readAll(1, 3 * 228)).map((batch) => batch.length);
    expect([Math.max(...sizes), sizes.reduce((a, b) => a + b)]).toEqual([3, 11]);
    expect((await readAll(11)).flat().map(({ offset }) => offset)).toEqual([11]);
    expect(await readAll(12)).toEqual([]);
  });
});

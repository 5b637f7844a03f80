import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventLog, EventRecord, PartitionId, StoredRecord } from './event-log.js';

export interface OpenedEventLog {
  readonly log: EventLog;
  /** Closes and opens the same log again, where the adapter keeps one that can be. */
  readonly reopen?: () => Promise<EventLog>;
  /** Removes what the test made. */
  readonly dispose: () => Promise<void>;
}

export interface ContractLogOptions {
  readonly partitions: { readonly catalog: 1; readonly runs: 3; readonly telemetry: 2 };
}

const options: ContractLogOptions = { partitions: { catalog: 1, runs: 3, telemetry: 2 } };
const home: PartitionId = { topic: 'runs', partition: 1 };

export function recordOf(id: string, over: Partial<EventRecord> = {}): EventRecord {
  const headers = {
    ce_specversion: '1.0',
    ce_id: id,
    ce_type: 'runstream.NoteSet.v1',
    ce_source: 'test',
    ce_subject: 'r1',
  };
  return { ...home, key: 'r1', headers, value: Buffer.from(`value of ${id}`), ...over };
}

export const idsOf = (records: readonly EventRecord[]): string[] => records.map((record) => record.headers['ce_id']!);

/** Everything durable of a partition now. */
export async function readAll(
  log: EventLog,
  partition: PartitionId,
  from = 0,
  batchBytesMax?: number,
): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  const limits = batchBytesMax === undefined ? {} : { batchBytesMax };
  for await (const batch of log.read(partition, from, {
    follow: false,
    signal: new AbortController().signal,
    ...limits,
  }))
    all.push(...batch);
  return all;
}

const plain = (record: EventRecord): object => ({ ...record, value: Buffer.from(record.value).toString('hex') });
const numbered = (from: number, count: number): EventRecord[] =>
  Array.from({ length: count }, (_, i) => recordOf(`e${from + i}`));
const never = (): AbortSignal => new AbortController().signal;

/** What every adapter of `EventLog` promises. `open` gives a new, empty log with the partition counts of the options. */
export function describeEventLog(name: string, open: (options: ContractLogOptions) => Promise<OpenedEventLog>): void {
  describe(`${name} as an EventLog`, () => {
    let opened: OpenedEventLog;
    let log: EventLog;
    beforeEach(async () => {
      opened = await open(options);
      log = opened.log;
    });
    afterEach(() => opened.dispose());

    test('keeps the order of a partition and says where each record landed', async () => {
      const positions = await log.append(numbered(0, 5));
      const later = await log.append(numbered(5, 2));
      expect([...positions, ...later]).toEqual([0, 1, 2, 3, 4, 5, 6].map((offset) => ({ ...home, offset })));
      const records = await readAll(log, home);
      expect(idsOf(records)).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5', 'e6']);
      expect(records.map((record) => record.offset)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    });

    test('appends to several partitions and topics in one call, with positions in the order of the records', async () => {
      const places: PartitionId[] = [home, { topic: 'telemetry', partition: 0 }, { topic: 'runs', partition: 2 }, home];
      const positions = await log.append(places.map((place, i) => recordOf(`e${i}`, place)));
      expect(positions).toEqual([0, 0, 0, 1].map((offset, i) => ({ ...places[i], offset })));
      expect(idsOf(await readAll(log, home))).toEqual(['e0', 'e3']);
      expect(idsOf(await readAll(log, { topic: 'telemetry', partition: 0 }))).toEqual(['e1']);
    });

    test('an append of nothing is nothing', async () => {
      expect(await log.append([])).toEqual([]);
      expect((await log.ranges('runs')).map(({ start, end }) => [start, end])).toEqual([[0, 0], [0, 0], [0, 0]]); // prettier-ignore
    });

    test('gives back what was appended: bytes, empty values, unicode keys and headers', async () => {
      const records = [
        recordOf('empty', { value: new Uint8Array(0) }),
        recordOf('bytes', { value: Uint8Array.from({ length: 256 }, (_, i) => i) }),
        recordOf('Ünïcödé-🚀', {
          key: 'läuf/模型/0',
          headers: { ce_id: 'Ünïcödé-🚀', ce_type: 't', 'x-ключ': 'значение 🚀', empty: '' },
        }),
        recordOf('no-headers', { headers: {}, key: '' }),
      ];
      await log.append(records);
      const read = await readAll(log, home);
      expect(
        read.map(({ topic, partition, key, headers, value }) => plain({ topic, partition, key, headers, value })),
      ).toEqual(records.map(plain));
    });

    test('gives back big records among small ones', async () => {
      const big = (seed: number): Uint8Array => Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * seed) >>> 3);
      const records = [
        recordOf('a'),
        recordOf('b', { value: big(7) }),
        recordOf('c'),
        recordOf('d', { value: big(31) }),
      ];
      await log.append(records);
      const read = await readAll(log, home);
      expect(idsOf(read)).toEqual(['a', 'b', 'c', 'd']);
      expect(read.every((record, i) => Buffer.compare(record.value, records[i]!.value) === 0)).toBe(true);
    });

    test('does not see what the caller does to its bytes after the append', async () => {
      const value = Buffer.from('before');
      await log.append([recordOf('e0', { value })]);
      value.fill('x');
      expect(Buffer.from((await readAll(log, home))[0]!.value).toString()).toBe('before');
    });

    test('reads from any position, the end included, in batches within the limit', async () => {
      await log.append(numbered(0, 50).map((record) => ({ ...record, value: Buffer.alloc(100) })));
      for (const from of [0, 1, 25, 49, 50])
        expect(idsOf(await readAll(log, home, from))).toEqual(idsOf(numbered(from, 50 - from)));
      const batches: number[] = [];
      for await (const batch of log.read(home, 0, { follow: false, signal: never(), batchBytesMax: 1_000 }))
        batches.push(batch.length);
      expect(batches.length).toBeGreaterThan(4);
      expect(batches.reduce((sum, length) => sum + length, 0)).toBe(50);
      expect((await readAll(log, home, 0, 1)).length).toBe(50);
    });

    test('refuses positions and partitions that do not exist', async () => {
      await log.append(numbered(0, 3));
      for (const from of [-1, 4, 1.5, Number.NaN]) await expect(readAll(log, home, from)).rejects.toThrow(RangeError);
      await expect(readAll(log, { topic: 'runs', partition: 3 })).rejects.toThrow(RangeError);
      await expect(log.append([recordOf('x', { partition: 3 })])).rejects.toThrow(RangeError);
    });

    test('appendedAt never goes back', async () => {
      for (let i = 0; i < 5; i++) await log.append(numbered(i, 1));
      const times = (await readAll(log, home)).map((record) => record.appendedAt);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times.every((time) => Number.isFinite(time) && time > 0)).toBe(true);
    });

    test('a follower gets what is there and then what comes', async () => {
      await log.append(numbered(0, 2));
      const stop = new AbortController();
      const seen: string[] = [];
      for await (const batch of log.read(home, 1, { follow: true, signal: stop.signal })) {
        seen.push(...idsOf(batch));
        if (seen.length === 1) void log.append(numbered(2, 2));
        if (seen.length === 3) stop.abort();
      }
      expect(seen).toEqual(['e1', 'e2', 'e3']);
    });

    test('a follower that caught up in many small batches goes on with what comes, each record once', async () => {
      for (let i = 0; i < 20; i++) await log.append(numbered(i, 1));
      const stop = new AbortController();
      const seen: string[] = [];
      for await (const batch of log.read(home, 0, { follow: true, signal: stop.signal, batchBytesMax: 300 })) {
        seen.push(...idsOf(batch));
        if (seen.length === 20) setTimeout(() => void log.append(numbered(20, 10)), 10);
        if (seen.length >= 30) stop.abort();
      }
      expect(seen).toEqual(idsOf(numbered(0, 30)));
    });

    test('a record is seen by followers and ranges once its append has resolved', async () => {
      for (let i = 0; i < 10; i++) {
        await log.append(numbered(i, 1));
        expect((await readAll(log, home)).length).toBe(i + 1);
        expect((await log.ranges('runs'))[1]).toEqual({ ...home, start: 0, end: i + 1 });
      }
    });

    test('abort ends a reader that waits', async () => {
      const stop = new AbortController();
      const reading = log.read(home, 0, { follow: true, signal: stop.signal })[Symbol.asyncIterator]().next();
      setTimeout(() => stop.abort(), 20);
      expect((await reading).done).toBe(true);
    });

    test('abort ends a reader that has more to read', async () => {
      await log.append(numbered(0, 20));
      const stop = new AbortController();
      let batches = 0;
      for await (const batch of log.read(home, 0, { follow: true, signal: stop.signal, batchBytesMax: 1 })) {
        expect(batch.length).toBe(1);
        if (++batches === 2) stop.abort();
      }
      expect(batches).toBe(2);
    });

    test('concurrent appenders lose and mix up nothing', async () => {
      const appenders = Array.from({ length: 20 }, async (_, appender) => {
        const offsets: number[] = [];
        for (let i = 0; i < 10; i++) {
          const positions = await log.append([recordOf(`${appender}-${i}-a`), recordOf(`${appender}-${i}-b`)]);
          offsets.push(...positions.map((position) => position.offset));
        }
        return offsets;
      });
      const offsets = await Promise.all(appenders);
      const records = await readAll(log, home);
      expect(records.length).toBe(400);
      offsets.forEach((own, appender) => {
        expect(idsOf(own.map((offset) => records[offset]!))).toEqual(
          Array.from({ length: 20 }, (_, i) => `${appender}-${i >> 1}-${i % 2 === 0 ? 'a' : 'b'}`),
        );
      });
    });

    test('several followers at different places see the same records', async () => {
      const stop = new AbortController();
      const follow = async (from: number): Promise<string[]> => {
        const seen: string[] = [];
        for await (const batch of log.read(home, from, { follow: true, signal: stop.signal })) {
          seen.push(...idsOf(batch));
          if (seen.at(-1) === 'e99') return seen;
        }
        return seen;
      };
      await log.append(numbered(0, 10));
      const followers = [follow(0), follow(5), follow(10)];
      for (let i = 10; i < 100; i += 9) await log.append(numbered(i, 9));
      expect((await Promise.all(followers)).map((seen) => seen.length)).toEqual([100, 95, 90]);
      stop.abort();
    });

    test('reopened, it has the same records and goes on behind them', async ({ skip }) => {
      if (!opened.reopen) return skip('this adapter has no log to reopen');
      await log.append(numbered(0, 30));
      const before = (await readAll(log, home)).map(plain);
      log = await opened.reopen();
      expect((await readAll(log, home)).map(plain)).toEqual(before);
      expect(await log.append(numbered(30, 1))).toEqual([{ ...home, offset: 30 }]);
    });

    test('gives its assignments and ends them at abort', async () => {
      const stop = new AbortController();
      const seen: PartitionId[][] = [];
      for await (const { partitions } of log.assignments('group', ['runs', 'catalog'], stop.signal)) {
        seen.push([...partitions]);
        setTimeout(() => stop.abort(), 20);
      }
      const runs = [0, 1, 2].map((partition) => ({ topic: 'runs', partition }));
      expect(seen).toEqual([expect.arrayContaining([...runs, { topic: 'catalog', partition: 0 }])]);
      expect(seen[0]!.length).toBe(4);
    });

    test('gives no assignment to who has left already', async () => {
      for await (const assignment of log.assignments('group', ['runs'], AbortSignal.abort()))
        expect(assignment).toBeUndefined();
    });

    test('stores nothing of an append that it refuses', async () => {
      await expect(log.append([recordOf('good'), recordOf('bad', { partition: 3 })])).rejects.toThrow(RangeError);
      expect(await readAll(log, home)).toEqual([]);
    });

    test('takes nothing once it is closed, and leaves no follower waiting', async () => {
      const follower = log.read(home, 0, { follow: true, signal: never() })[Symbol.asyncIterator]();
      const waiting = follower.next().then(
        ({ done }) => (done === true ? 'ended' : 'a batch'),
        () => 'refused',
      );
      await log.close();
      expect(await waiting).toMatch(/ended|refused/);
      await expect(log.append(numbered(0, 1))).rejects.toThrow();
    });

    test('says how many partitions a topic has', () => {
      expect([log.partitionCount('catalog'), log.partitionCount('runs'), log.partitionCount('telemetry')]).toEqual([
        1, 3, 2,
      ]);
    });
  });
}

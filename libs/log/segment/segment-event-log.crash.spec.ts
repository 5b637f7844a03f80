import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Unavailable } from '#libs/domain/rejection.js';
import { CrashingDisk, type Aftermath, type Fault } from './crashing-fs.js';
import { readAll, recordOf } from '../event-log.contract.js';
import type { EventLog, StoredRecord } from '../event-log.js';
import type { LogFs } from './log-fs.js';
import { openSegmentEventLog } from './segment-event-log.js';

const home = { topic: 'runs', partition: 0 } as const;
const partitions = { catalog: 1, runs: 1, telemetry: 1 };
const scattered: Aftermath = () => 'scattered';

/** Small deterministic noise (mulberry32). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const valueOf = (id: string): Buffer => Buffer.from(`${id}:`.repeat(1 + (Number(id.slice(1)) % 9) * 8));

const expectFailure =
  (pattern: RegExp) =>
  (error: unknown): void =>
    expect((error as Error).message).toMatch(pattern);

interface Told {
  /** Ids in the order in which they were given to the log. */
  readonly given: string[];
  /** What the log said is durable: offset -> id. */
  readonly acked: Map<number, string>;
}

describe('SegmentEventLog on a disk that fails', () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'runstream-crash-'))));
  afterEach(() => rm(dir, { recursive: true }));

  const open = (fs: CrashingDisk): Promise<EventLog> =>
    openSegmentEventLog({ dir, partitions, clock: () => 5, segmentBytesMax: 700, tailBytesMax: 2_000, fs });

  /** Rounds of concurrent appends; goes on after `Unavailable` with new records when `retry`. Returns what it was told. */
  async function work(fs: CrashingDisk, told: Told, rounds: number, goOn: boolean): Promise<void> {
    let log: EventLog | undefined;
    const append = async (count: number): Promise<void> => {
      const ids = Array.from({ length: count }, (_, i) => `e${told.given.length + i}`);
      told.given.push(...ids);
      const positions = await log!.append(ids.map((id) => recordOf(id, { ...home, value: valueOf(id) })));
      positions.forEach(({ offset }, i) => told.acked.set(offset, ids[i]!));
    };
    try {
      log = await open(fs);
      for (let round = 0; round < rounds; round++) {
        const outcomes = await Promise.allSettled([append(1), append(1 + (round % 3)), append(1)]);
        const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
        for (const { reason } of failed) expect(reason).toBeInstanceOf(Unavailable);
        if (failed.length > 0 && !goOn) return;
      }
    } finally {
      // its seal may meet the crash; the lock must go in any case
      await log?.close().catch(expectFailure(/crash|EIO|ENOSPC/));
    }
  }

  async function countOperations(rounds: number): Promise<CrashingDisk> {
    const fs = new CrashingDisk(dir);
    const told: Told = { given: [], acked: new Map() };
    await work(fs, told, rounds, false);
    expect(told.acked.size).toBe(told.given.length);
    return fs;
  }

  async function recordsOn(fs: CrashingDisk): Promise<StoredRecord[]> {
    const log = await open(fs);
    try {
      return await readAll(log, home);
    } finally {
      await log.close();
    }
  }

  function expectSound(records: readonly StoredRecord[], told: Told, where: string): void {
    const ids = records.map((record) => record.headers['ce_id']!);
    for (const [offset, id] of told.acked) expect(ids[offset], `${where}: acked ${id} at ${offset}`).toBe(id);
    expect(
      records.map((record) => record.offset),
      where,
    ).toEqual(ids.map((_, i) => i));
    const order = ids.map((id) => told.given.indexOf(id));
    expect(
      order.every((place, i) => place >= 0 && (i === 0 || place > order[i - 1]!)),
      `${where}: order ${ids.join()}`,
    ).toBe(true);
    for (const record of records)
      expect(Buffer.compare(record.value, valueOf(record.headers['ce_id']!)), where).toBe(0);
  }

  const rounds = 8;
  const swallow = expectFailure(/crash/);

  test('a crash at any operation loses nothing acked and invents nothing', async () => {
    const clean = await countOperations(rounds);
    let cases = 0;
    for (let operation = 1; operation <= clean.operations; operation++) {
      for (const part of clean.writes.includes(operation) ? [0, 1e-9, 0.5, 0.95, 1] : [0]) {
        for (const [name, aftermath] of [['kept', 'kept'], ['lost', 'lost'], ['scattered', scattered], ['scattered 2', scattered]] as const) {
          const fs = new CrashingDisk(dir);
          fs.fault = { operation, kind: 'crash', part };
          const told: Told = { given: [], acked: new Map() };
          await work(fs, told, rounds, false).catch(swallow);
          const next = fs.after(aftermath, noise(operation * 100 + name.length));
          const where = `crash at ${operation} (part ${part}), ${name}`;
          const found = await recordsOn(next);
          expectSound(found, told, where);
          // what was read once stays, and the log goes on
          const more: Told = { given: found.map((record) => record.headers['ce_id']!), acked: new Map() };
          await work(next, more, 2, false);
          expectSound(await recordsOn(next.after('lost')), { given: more.given, acked: new Map([...told.acked, ...more.acked]) }, where);
          cases++;
        } // prettier-ignore
      }
    }
    expect(cases).toBeGreaterThan(200);
  });

  test('a crash at any operation of the recovery changes nothing about that', async () => {
    const clean = await countOperations(3);
    for (const operation of clean.writes) {
      for (let second = 1; second < 20; second++) {
        const fs = new CrashingDisk(dir);
        fs.fault = { operation, kind: 'crash', part: 0.5 };
        const told: Told = { given: [], acked: new Map() };
        await work(fs, told, 3, false).catch(swallow);
        const next = fs.after('kept');
        next.fault = { operation: second, kind: 'crash', part: 0.5 };
        await recordsOn(next).catch(swallow);
        expectSound(
          await recordsOn(next.after(scattered, noise(second))),
          told,
          `crash at ${operation}, then at ${second}`,
        );
      }
    }
  });

  test('an error of any operation is Unavailable or refuses to open; the log goes on by itself and keeps what it acked', async () => {
    const clean = await countOperations(rounds);
    for (let operation = 1; operation <= clean.operations; operation++) {
      for (const kind of ['EIO', 'ENOSPC'] as const) {
        for (const part of clean.writes.includes(operation) ? [0, 0.5, 1] : [0]) {
          const fs = new CrashingDisk(dir);
          const fault: Fault = { operation, kind, part };
          fs.fault = fault;
          const told: Told = { given: [], acked: new Map() };
          const where = `${kind} at ${operation} (part ${part})`;
          await work(fs, told, rounds, true).catch(expectFailure(new RegExp(kind)));
          if (told.given.length > 0 && operation < clean.operations - 8)
            expect(told.acked.size, where).toBeGreaterThan(told.given.length / 2);
          expectSound(await recordsOn(fs.after('lost')), told, where);
        }
      }
    }
  });

  test('what a reader saw after a failed fdatasync and a restart survives the next power loss', async () => {
    const clean = await countOperations(rounds);
    for (let operation = 1; operation <= clean.operations; operation++) {
      const fs = new CrashingDisk(dir);
      fs.fault = { operation, kind: 'EIO', part: 1 };
      const told: Told = { given: [], acked: new Map() };
      await work(fs, told, rounds, false).catch(expectFailure(/EIO/));
      const restarted = fs.after('kept');
      const seen = await recordsOn(restarted);
      const kept = await recordsOn(restarted.after('lost'));
      expect(
        kept.slice(0, seen.length).map((record) => record.headers['ce_id']),
        `EIO at ${operation}`,
      ).toEqual(seen.map((record) => record.headers['ce_id']));
    }
  });

  test('a full disk is Unavailable for as long as it lasts, then the log goes on; nothing acked is lost', async () => {
    const fs = new CrashingDisk(dir);
    const log = await open(fs);
    const acked: string[] = [];
    for (let i = 0; i < 30; i++) {
      fs.full = i % 10 > 4;
      const appending = log.append([recordOf(`e${i}`, { ...home, value: valueOf(`e${i}`) })]);
      if (fs.full)
        await expect(appending).rejects.toMatchObject({
          name: 'Unavailable',
          message: expect.stringContaining('the disk is full') as string,
        });
      else acked.push(`e${(await appending, i)}`);
      expect((await readAll(log, home)).map((record) => record.headers['ce_id'])).toEqual(acked);
    }
    fs.full = false;
    await log.close();
    expect((await recordsOn(fs.after('lost'))).map((record) => record.headers['ce_id'])).toEqual(acked);
  });

  test('appenders that joined behind a group that fails are told too, and the next ones are served', async () => {
    const disk = new CrashingDisk(dir);
    let syncing = Promise.resolve();
    const slow: LogFs = {
      open: async (path, mode) => {
        const file = await disk.open(path, mode);
        return { ...file, datasync: () => syncing.then(() => file.datasync()) };
      },
      mkdir: (path) => disk.mkdir(path),
      list: (path) => disk.list(path),
      readText: (path) => disk.readText(path),
      rename: (from, to) => disk.rename(from, to),
      syncDirectory: (path) => disk.syncDirectory(path),
    };
    const log = await openSegmentEventLog({ dir, partitions, clock: () => 5, fs: slow });
    let release = (): void => undefined;
    syncing = new Promise((resolve) => (release = resolve));
    const append = (id: string) => log.append([recordOf(id, { ...home, value: valueOf(id) })]);
    const first = append('e0');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const joined = append('e1');
    disk.fault = { operation: disk.operations + 1, kind: 'EIO', part: 0 };
    const outcomes = Promise.allSettled([first, joined]);
    release();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'Unavailable' } });
    expect(await append('e2')).toEqual([{ ...home, offset: 0 }]);
    await log.close();
    expect((await recordsOn(disk.after('lost'))).map((record) => record.headers['ce_id'])).toEqual(['e2']);
  });
});

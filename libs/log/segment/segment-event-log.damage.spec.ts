import { appendFile, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { idsOf, readAll, recordOf } from '../event-log.contract.js';
import type { EventLog } from '../event-log.js';
import type { LogDamage } from './log-ends.js';
import { openSegmentEventLog, type SegmentEventLogOptions } from './segment-event-log.js';
import { segmentFileName } from './segment-file.js';
import { verifySegmentLog } from './verify-segment-log.js';

const home = { topic: 'runs', partition: 0 } as const;
const partitions = { catalog: 1, runs: 1, telemetry: 1 };

describe('SegmentEventLog', () => {
  let dir: string;
  let folder: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'runstream-damage-'));
    folder = join(dir, 'runs-0');
  });
  afterEach(() => rm(dir, { recursive: true }));

  const open = (over: Partial<SegmentEventLogOptions> = {}): Promise<EventLog> =>
    openSegmentEventLog({ dir, partitions, clock: Date.now, tailBytesMax: 0, ...over });
  const record = (id: string, bytes = 50) => recordOf(id, { ...home, value: Buffer.alloc(bytes, id) });

  /** A closed log of `count` records, each its own group. */
  async function given(count: number, over: Partial<SegmentEventLogOptions> = {}): Promise<void> {
    const log = await open(over);
    for (let i = 0; i < count; i++) await log.append([record(`e${i}`)]);
    await log.close();
  }
  const segments = async (): Promise<string[]> => (await readdir(folder)).sort().map((name) => join(folder, name));

  async function flip(path: string, at: number): Promise<void> {
    const bytes = await readFile(path);
    bytes[at]! ^= 64;
    await writeFile(path, bytes);
  }
  const runsReport = async () => (await verifySegmentLog(dir)).find((report) => report.topic === 'runs')!;

  test('cuts garbage behind the last group, whatever it is', async () => {
    await given(5);
    const [path] = await segments();
    for (let round = 0; round < 40; round++) {
      const { size } = await stat(path!);
      const bytes = await readFile(path!);
      const old = bytes.subarray(0, Math.floor(Math.random() * bytes.length));
      await appendFile(
        path!,
        [randomBytes(1 + round * 3), Buffer.alloc(round + 1), old, Buffer.from('RSL1RSL1')][round % 4]!,
      );
      expect((await runsReport()).problems).toEqual([expect.stringContaining('torn tail')]);
      const log = await open();
      expect(idsOf(await readAll(log, home)).length).toBe(5 + round);
      expect((await stat(path!)).size).toBe(size);
      await log.append([record(`e${5 + round}`)]);
      await log.close();
    }
    expect(await runsReport()).toMatchObject({ records: 45, firstOffset: 0, lastOffset: 44, problems: [] });
  });

  test('a cut anywhere in the file leaves whole records before the cut', async () => {
    await given(6);
    const [path] = await segments();
    const whole = await readFile(path!);
    for (let size = whole.length; size >= 0; size -= 7) {
      await writeFile(path!, whole);
      await truncate(path!, size);
      const log = await open();
      const ids = idsOf(await readAll(log, home));
      expect(ids).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5'].slice(0, ids.length));
      await log.close();
    }
  });

  test('refuses to open when any bit before the last seal is damaged, and says where; nothing is cut', async () => {
    await given(4);
    const [path] = await segments();
    const whole = await readFile(path!);
    for (let at = 0; at < whole.length - 48; at += 5) {
      await writeFile(path!, whole);
      await flip(path!, at);
      await expect(open(), `byte ${at}`).rejects.toThrow(/runs-0.*damaged block.*at byte \d+.*acknowledged/);
      expect((await stat(path!)).size).toBe(whole.length);
    }
    expect((await runsReport()).problems).toEqual([expect.stringContaining('damaged block at byte')]);
  });

  test('damage in an earlier file is an error of the read that meets it and of verify', async () => {
    await given(30, { segmentBytesMax: 600 });
    const files = await segments();
    expect(files.length).toBeGreaterThan(3);
    await flip(files[1]!, 60);
    const log = await open();
    await expect(readAll(log, home)).rejects.toThrow(files[1]!);
    expect((await readAll(log, home, 25)).length).toBe(5);
    await log.close();
    expect((await runsReport()).problems[0]).toContain(`${files[1]}: damaged block at byte 0`);
  });

  test('a missing file is an error', async () => {
    await given(30, { segmentBytesMax: 600 });
    const files = await segments();
    await rm(files[0]!);
    await expect(open()).rejects.toThrow('earlier files are missing');
  });

  test('refuses another partition count and a directory without its meta file', async () => {
    await given(1);
    await expect(open({ partitions: { ...partitions, runs: 2 } })).rejects.toThrow(
      'topic runs has 1 partitions, the configuration says 2',
    );
    await rm(join(dir, 'log.json'));
    await expect(open()).rejects.toThrow('no log.json');
  });

  test('says what was cut off a torn end: file, byte, bytes and records', async () => {
    await given(3);
    const [path] = await segments();
    const { size } = await stat(path!);
    await truncate(path!, size - 48 - 10); // the seal, and a part of the last record
    const said: LogDamage[] = [];
    const log = await open({ onDamage: (damage) => said.push(damage) });
    expect(idsOf(await readAll(log, home))).toEqual(['e0', 'e1']);
    await log.close();
    expect(said[0]!.message).toMatch(/torn and is cut off/);
    const { size: left } = { size: Number(said[0]!.fields['byte']) };
    expect(said[0]!.fields).toEqual({ file: path, byte: left, bytesCut: size - 58 - left, recordsCut: 1 });
    expect(said[1]).toMatchObject({ fields: { partition: 'runs/0', firstMissing: 2, recordsMissing: 1 } });
  });

  test('says that acknowledged records are missing when the end is cut between two of them or its file or folder is gone', async () => {
    await given(30, { segmentBytesMax: 600 });
    const files = await segments();
    const cuts = [
      async () => truncate(files.at(-1)!, 0),
      async () => {
        await rm(files.at(-1)!);
        await rm(files.at(-2)!);
      },
      async () => rm(folder, { recursive: true }),
    ];
    let end = 30;
    for (const cut of cuts) {
      await cut();
      const said: LogDamage[] = [];
      const log = await open({ onDamage: (damage) => said.push(damage) });
      const now = (await log.ranges('runs'))[0]!.end;
      await log.close();
      expect(now).toBeLessThan(end);
      expect(said).toMatchObject([
        {
          message: expect.stringMatching(/acknowledged records are missing/),
          fields: { partition: 'runs/0', folder, recordsMissing: end - now },
        },
      ]);
      end = now;
    }
    expect(end).toBe(0);
    // said once: from now on this is what the log holds
    const said: LogDamage[] = [];
    await (await open({ onDamage: (damage) => said.push(damage) })).close();
    expect(said).toEqual([]);
  });

  test('refuses a file that is missing or cut before the last one, when it opens', async () => {
    await given(30, { segmentBytesMax: 600 });
    const files = await segments();
    const whole = await readFile(files[1]!);
    await truncate(files[1]!, whole.length - 1);
    await expect(open()).rejects.toThrow(new RegExp(`${files[1]!}: the file is cut .*at byte ${whole.length - 1}`));
    await rm(files[1]!);
    await expect(open()).rejects.toThrow(`${files[1]!}: the file is missing`);
    await writeFile(files[1]!, whole);
    await (await open()).close();
  });

  test('makes its record of the ends anew when that is damaged, and says so', async () => {
    await given(2);
    await writeFile(join(dir, 'ends.json'), '{"version":1');
    const said: LogDamage[] = [];
    await (await open({ onDamage: (damage) => said.push(damage) })).close();
    expect(said).toMatchObject([{ fields: { file: join(dir, 'ends.json') } }]);
    await (await open({ onDamage: (damage) => said.push(damage) })).close();
    expect(said).toHaveLength(1);
  });

  test('refuses at the door what the queue can not take, and takes it later', async () => {
    const log = await open({ queueBytesMax: 10_000 });
    const first = log.append([record('a', 8_000)]);
    await expect(log.append([record('b', 8_000)])).rejects.toMatchObject({ name: 'Unavailable' });
    await first;
    await log.append([record('c', 20_000)]);
    expect(idsOf(await readAll(log, home))).toEqual(['a', 'c']);
    await log.close();
    await expect(log.append([record('d')])).rejects.toMatchObject({ name: 'Unavailable' });
  });

  test('keeps appendedAt from going back with the clock, also over a restart', async () => {
    let now = 1_000;
    for (const times of [[1_000, 900, 1_100], [500], [1_050, 1_200]]) {
      const log = await open({ clock: () => now, segmentBytesMax: 1 });
      for (now of times) await log.append([record('e')]);
      await log.close();
    }
    const log = await open();
    expect((await readAll(log, home)).map(({ appendedAt }) => appendedAt)).toEqual([
      1_000, 1_000, 1_100, 1_100, 1_100, 1_200,
    ]);
    await log.close();
  });

  test('keeps appendedAt from going back after a crash that left an empty last file', async () => {
    await given(3, { clock: () => 1_000 });
    await writeFile(join(folder, segmentFileName(3)), '');
    const log = await open({ clock: () => 500 });
    expect(await log.append([record('e3')])).toEqual([{ ...home, offset: 3 }]);
    expect((await readAll(log, home)).map(({ appendedAt }) => appendedAt)).toEqual([1_000, 1_000, 1_000, 1_000]);
    await log.close();
    expect(await runsReport()).toMatchObject({ segments: 2, records: 4, problems: [] });
  });

  test('followers at the tail get the same record objects', async () => {
    const log = await open({ tailBytesMax: 1e6 });
    await log.append([record('a'), record('b')]);
    const [one, two] = [await readAll(log, home), await readAll(log, home, 1)];
    expect(one[1]).toBe(two[0]);
    await log.close();
  });

  test('close ends readers that wait and keeps what was being appended', async () => {
    const log = await open();
    const reading = log.read(home, 0, { follow: true, signal: new AbortController().signal })[Symbol.asyncIterator]();
    const waiting = reading.next().then(() => reading.next());
    const refused = expect(waiting).rejects.toMatchObject({ name: 'Unavailable' });
    const appending = log.append([record('a')]);
    await log.close();
    expect(await appending).toEqual([{ ...home, offset: 0 }]);
    await refused;
    const again = await open();
    expect(idsOf(await readAll(again, home))).toEqual(['a']);
    await again.close();
  });
});

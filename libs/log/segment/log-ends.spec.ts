import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkEnds, checkSegments, readEnds, writeEnds, type LogDamage, type LogEnds } from './log-ends.js';
import { nodeLogFs, type LogFs } from './log-fs.js';
import { segmentFileName, type Segment } from './segment-file.js';

describe('the record of a log’s ends', () => {
  let dir: string;
  let said: LogDamage[];
  beforeEach(async () => {
    said = [];
    dir = await mkdtemp(join(tmpdir(), 'runstream-ends-'));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const tell = (damage: LogDamage): void => void said.push(damage);
  const ends: LogEnds = { 'runs/0': { end: 9, segments: [[0, 100], [5, 60]] }, 'runs/1': { end: 0, segments: [] } }; // prettier-ignore
  const file = () => join(dir, 'ends.json');

  test('is read as it was written, durable before it takes the place of the older one', async () => {
    expect([await readEnds(nodeLogFs, dir, tell), said]).toEqual([{}, []]);
    const done: string[] = [];
    const watched: LogFs = {
      ...nodeLogFs,
      async open(path, mode) {
        const opened = await nodeLogFs.open(path, mode);
        return Object.assign(opened, {
          datasync: () => (done.push('datasync'), Promise.resolve()),
          close: ((close) => () => (done.push('close'), close()))(opened.close.bind(opened)),
        });
      },
      rename: (from, to) => (done.push('rename'), nodeLogFs.rename(from, to)),
    };
    await writeFile(`${file()}.new`, 'what an earlier try has left, and longer than what is written now'.repeat(9));
    await writeEnds(watched, dir, ends);
    expect(done).toEqual(['datasync', 'close', 'rename']);
    expect(await readEnds(nodeLogFs, dir, tell)).toEqual(ends);
    expect([JSON.parse(await readFile(file(), 'utf8')), await readdir(dir)]).toEqual([
      { version: 1, partitions: ends },
      ['ends.json'],
    ]);
    expect(said).toEqual([]);
  });

  test.each(['{', '{}', '{"partitions":{"runs/0":{"end":"9","segments":[]}}}', '{"partitions":{"runs/0":{"end":9}}}'])(
    'that says %s proves nothing, and somebody is told',
    async (text) => {
      await writeFile(file(), text);
      expect(await readEnds(nodeLogFs, dir, tell)).toEqual({});
      expect(said).toEqual([
        {
          message: expect.stringContaining("can't be read") as string,
          fields: { file: file(), reason: expect.any(String) as string },
        },
      ]);
    },
  );

  test('tells what is missing at the end of each partition, with the files that are gone', async () => {
    await mkdir(join(dir, 'runs-0'));
    await writeFile(join(dir, 'runs-0', segmentFileName(0)), '');
    const opened = new Map([
      ['runs/0', { end: 7, segments: [] }],
      ['runs/1', { end: 0, segments: [] }],
      ['catalog/0', { end: 1, segments: [] }],
    ]);
    const known = { ...ends, 'telemetry/0': { end: 5, segments: [] } };
    await checkEnds(nodeLogFs, dir, { catalog: 1, runs: 2, telemetry: 1 }, known, opened, tell);
    const folder = join(dir, 'runs-0');
    const fields = { partition: 'runs/0', folder, firstMissing: 7, recordsMissing: 2 };
    expect(said).toEqual([
      {
        message: expect.stringContaining('missing at the end of the log') as string,
        fields: { ...fields, filesMissing: segmentFileName(5) },
      },
    ]);
    await writeFile(join(folder, segmentFileName(5)), '');
    said.length = 0;
    await checkEnds(nodeLogFs, dir, { catalog: 1, runs: 2, telemetry: 1 }, known, opened, tell);
    expect(said.map((damage) => damage.fields)).toEqual([fields]);
    said.length = 0;
    for (const end of [9, 10])
      await checkEnds(nodeLogFs, dir, { catalog: 1, runs: 1, telemetry: 1 }, ends, new Map([['runs/0', { end, segments: [] }]]), tell); // prettier-ignore
    expect(said).toEqual([]);
  });

  test('refuses a file before the last that is gone or shorter, and leaves the last one to its own proof', () => {
    const segment = (baseOffset: number, durableBytes: number) => ({ baseOffset, durableBytes }) as Segment;
    const check = (...segments: Segment[]) => checkSegments('/log/runs-0', { end: 20, segments: [[0, 100], [5, 60], [9, 30]] }, segments); // prettier-ignore
    const name = (base: number) => join('/log/runs-0', segmentFileName(base));
    expect(() => check(segment(0, 100), segment(5, 60), segment(9, 1))).not.toThrow();
    expect(() => check(segment(0, 101), segment(5, 90), segment(9, 30), segment(12, 4))).not.toThrow();
    expect(() => check(segment(0, 100), segment(9, 30))).toThrow(name(5));
    expect(() => check(segment(0, 100), segment(9, 30))).toThrow(/the file is missing \(it had 60 bytes\)/);
    expect(() => check(segment(0, 99), segment(5, 60), segment(9, 30))).toThrow(/is cut \(it had 100 bytes\)/);
    // those behind the last that is there are missing at the end: that is told, not refused
    expect(() => check(segment(0, 100), segment(5, 60))).not.toThrow();
    expect(() => checkSegments('/log/runs-0', undefined, [segment(0, 1)])).not.toThrow();
  });
});

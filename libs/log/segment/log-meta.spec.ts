import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeLogFs, type LogFs } from './log-fs.js';
import { openMeta, readMeta } from './log-meta.js';

const counts = { catalog: 1, runs: 2, telemetry: 3 };
const folders = ['catalog-0', 'runs-0', 'runs-1', 'telemetry-0', 'telemetry-1', 'telemetry-2'];

describe('what a log was made with', () => {
  let dir: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'runstream-meta-'))));
  afterEach(() => rm(dir, { recursive: true }));
  const keep = (text: string): Promise<void> => writeFile(join(dir, 'log.json'), text);

  test('is written once, durable before its folders, and read again', async () => {
    expect(await readMeta(nodeLogFs, dir)).toBeNull();
    const done: string[] = [];
    let open = 0;
    const watched: LogFs = {
      ...nodeLogFs,
      async open(path, mode) {
        const file = await nodeLogFs.open(path, mode);
        open++;
        return Object.assign(file, {
          datasync: () => (done.push('datasync'), Promise.resolve()),
          close: ((close) => () => (open--, close()))(file.close.bind(file)),
        });
      },
      mkdir: (path) => (done.push('mkdir'), nodeLogFs.mkdir(path)),
      rename: (from, to) => (done.push('rename'), nodeLogFs.rename(from, to)),
      syncDirectory: (path) => (done.push('syncDirectory'), nodeLogFs.syncDirectory(path)),
    };
    await writeFile(
      join(dir, 'log.json.new'),
      'what an earlier try has left, longer than what is written now'.repeat(9),
    );
    await openMeta(watched, dir, counts);
    expect(done).toEqual(['datasync', 'rename', 'syncDirectory', ...folders.map(() => 'mkdir'), 'syncDirectory']);
    expect((await readdir(dir)).sort()).toEqual([...folders, 'log.json'].sort());
    expect(open).toBe(0);
    expect(JSON.parse(await readFile(join(dir, 'log.json'), 'utf8'))).toEqual({
      format: 'runstream-segment-log',
      version: 1,
      partitions: counts,
    });
    expect(await readMeta(nodeLogFs, dir)).toEqual(counts);
    done.length = 0;
    // a crash may have come before the folders
    await rm(join(dir, 'runs-1'), { recursive: true });
    await openMeta(watched, dir, counts);
    expect(done).toEqual([...folders.map(() => 'mkdir'), 'syncDirectory']);
    expect(await readdir(dir)).toContain('runs-1');
  });

  test('can not be changed in place', async () => {
    await openMeta(nodeLogFs, dir, counts);
    await expect(openMeta(nodeLogFs, dir, { ...counts, telemetry: 4 })).rejects.toThrow(
      /topic telemetry has 3 partitions, the configuration says 4.*configure 3/,
    );
    expect(await readdir(dir)).not.toContain('telemetry-3');
  });

  test.each([
    ['{', /is damaged: it is not JSON/],
    ['{"version":2}', /log format 2 is not the one this program reads \(1\)/],
    ['{}', /log format undefined/],
    ['{"version":1}', /no partition count of topic catalog/],
    ['{"version":1,"partitions":{"catalog":1,"runs":0,"telemetry":1}}', /no partition count of topic runs/],
    ['{"version":1,"partitions":{"catalog":1,"runs":1.5,"telemetry":1}}', /no partition count of topic runs/],
    ['{"version":1,"partitions":{"catalog":1,"runs":1,"telemetry":"1"}}', /no partition count of topic telemetry/],
  ])('is refused when it says %s', async (text, reason) => {
    await keep(text);
    await expect(readMeta(nodeLogFs, dir)).rejects.toThrow(reason);
    await expect(openMeta(nodeLogFs, dir, counts)).rejects.toMatchObject({ name: 'Unusable' });
  });

  test('is read where there is one partition of each', async () => {
    await keep('{"version":1,"partitions":{"catalog":1,"runs":1,"telemetry":1}}');
    expect(await readMeta(nodeLogFs, dir)).toEqual({ catalog: 1, runs: 1, telemetry: 1 });
  });

  test('is not made anew beside partitions that are there; other names are nobody’s business', async () => {
    for (const name of ['lost+found', 'runs', 'runs-x', 'old-runs-0', 'runs-0-old']) await mkdir(join(dir, name));
    await openMeta(nodeLogFs, dir, counts);
    await rm(join(dir, 'log.json'));
    await expect(openMeta(nodeLogFs, dir, counts)).rejects.toThrow(/has partition [a-z]+-\d but no log\.json/);
    expect(await readdir(dir)).not.toContain('log.json');
    // one with two digits, and nothing else
    for (const name of folders) await rm(join(dir, name), { recursive: true });
    await mkdir(join(dir, 'telemetry-12'));
    await expect(openMeta(nodeLogFs, dir, counts)).rejects.toThrow(/has partition telemetry-12 but no log\.json/);
  });

  test('is made in a folder that is not there yet only once somebody makes that', async () => {
    await expect(openMeta(nodeLogFs, join(dir, 'none'), counts)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

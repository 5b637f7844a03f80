import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entryPoint } from '#libs/config/entry-point.js';
import { readAll } from '../event-log.contract.js';
import { openSegmentEventLog } from './segment-event-log.js';
import { verifySegmentLog } from './verify-segment-log.js';

const partitions = { catalog: 1, runs: 1, telemetry: 1 };

describe('SegmentEventLog and other processes', () => {
  let dir: string;
  let child: ChildProcess;
  let output: string;
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'runstream-process-'))));
  afterEach(async () => {
    await kill();
    await rm(dir, { recursive: true });
  });

  /** Resolves when the child owns the log. */
  async function start(prefix: string): Promise<void> {
    const { path, execArgv } = entryPoint(import.meta.url, './append-until-killed-child');
    output = '';
    child = spawn(process.execPath, [...execArgv, path, dir, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
    while (!output.startsWith('open')) {
      if (child.exitCode !== null) throw new Error(`the child ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  const open = () => openSegmentEventLog({ dir, partitions, clock: Date.now });

  test('a directory has one owner, named in the refusal, until that one is gone', async () => {
    await start('a');
    await expect(open()).rejects.toThrow(`in use by process ${child.pid}`);
    await kill();
    const log = await open();
    await expect(open()).rejects.toThrow(`in use by process ${process.pid}`);
    await log.close();
    await (await open()).close();
  });

  test('kill -9 at random moments loses nothing acked, invents nothing, keeps the order', async () => {
    const acked = new Map<number, string>();
    let before: string[] = [];
    for (let round = 0; round < 20; round++) {
      await start(`r${round}`);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
      await kill();
      for (const line of output.split('\n').slice(1, -1)) {
        const [offset, id] = line.split(' ');
        acked.set(Number(offset), id!);
      }
      const log = await open();
      const records = await readAll(log, { topic: 'runs', partition: 0 });
      await log.close();
      const ids = records.map((record) => record.headers['ce_id']!);
      expect(ids.slice(0, before.length)).toEqual(before);
      for (const [offset, id] of acked) expect(ids[offset]).toBe(id);
      const own = ids.filter((id) => id.startsWith(`r${round}-`)).map((id) => Number(id.split('-')[1]));
      expect(own).toEqual(own.map((_, i) => i));
      for (const { value, headers } of records)
        expect(Buffer.from(value).toString()).toMatch(new RegExp(`^(${headers['ce_id']})+$`));
      before = ids;
    }
    expect(acked.size).toBeGreaterThan(200);
    const runs = (await verifySegmentLog(dir)).find((report) => report.topic === 'runs')!;
    expect(runs).toMatchObject({ records: before.length, problems: [] });
  });
});

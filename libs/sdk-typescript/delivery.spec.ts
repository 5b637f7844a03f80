import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Receiver } from './receiver.js';
import { init } from './sdk.js';
import { SpoolBusy } from './sender-lock.js';
import { Sender } from './sender.js';

/** The living process that holds a sender's lock. */
function holder(lock: string): number | null {
  const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8').split(' ')[0]) : 0;
  if (pid === 0) return null;
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return null;
  }
}

describe('TypeScript SDK', () => {
  let receiver: Receiver;
  let url: string;
  let dir: string;
  const quiet = { captureConsole: false, captureEnvironment: false, captureSystem: false };
  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.listen();
    dir = mkdtempSync(join(tmpdir(), 'runstream-sdk-'));
  });
  afterEach(async () => {
    await receiver.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('delivers everything of a run', async () => {
    writeFileSync(join(dir, 'model.bin'), 'weights');
    const run = init({
      project: 'p',
      url,
      dir,
      config: { lr: 0.1, opt: { name: 'adam' } },
      tags: ['baseline'],
      captureConsole: false,
      captureDiff: false,
      captureSystem: false,
    });
    run.log({ loss: 0.5, acc: NaN }, 10);
    run.log({ loss: 0.25, acc: -Infinity });
    run.log({ acc: 1 });
    run.log({ acc: new Date() as never, loss: 0.1 });
    run.summary['best'] = 0.93;
    run.tags.add('ok');
    run.logArtifact(join(dir, 'model.bin'), { type: 'model' });
    expect(await run.finish()).toBe(true);
    expect(receiver.points()).toEqual([
      ['loss', 10, 0.5],
      ['loss', 11, 0.25],
      ['acc', 10, NaN],
      ['acc', 11, -Infinity],
      ['acc', 12, 1],
      ['loss', 13, 0.1],
    ]);
    expect(run.skipped).toBe(1);
    const names = [...receiver.events.values()].map((item) => item.name);
    expect(names).toEqual(expect.arrayContaining(['EnvironmentCaptured', 'SummarySet', 'TagsSet', 'ArtifactLogged']));
    expect([names[0], names.at(-1)]).toEqual(['RunStarted', 'RunFinished']);
    expect([...receiver.artifacts.values()].map(String)).toEqual(['weights']);
    expect([...receiver.events.values()].at(-1)!.event.writer!.attempt).toBe(3);
    expect(receiver.named('RunFinished')[0]!.lastTelemetrySeq).toBe(receiver.named('PointsLogged').length);
    receiver.expectNoGaps();
    expect(existsSync(run.spool!.folder)).toBe(false);
  });

  it('sends the same numbers with the same content when answers are lost, and waits for a server that is down', async () => {
    const faults = ['lose', 503, null, 'cut', 'lose', 429, null] as const;
    receiver.fault = (request) => faults[request % faults.length]!;
    const run = init({ project: 'p', url, dir, ...quiet });
    for (let i = 0; i < 300; i++) {
      run.log({ x: i });
      if (i % 3 === 0) await sleep(5);
    }
    expect(await run.finish({ timeoutMs: 50_000 })).toBe(true);
    expect(receiver.points().map(([, , value]) => value)).toEqual(Array.from({ length: 300 }, (_, i) => i));
    expect(receiver.resent).toBeGreaterThan(0);
    receiver.expectNoGaps();
  });

  it('delivers exactly once what log() took when the process is killed at any moment', async () => {
    for (let round = 0; round < 20; round++) {
      const count = join(dir, `count-${round}`);
      receiver.events.clear();
      const env = { ...process.env, RUNSTREAM_URL: url, RUNSTREAM_DIR: dir };
      const child = fork(fileURLToPath(new URL('./killed-process.ts', import.meta.url)), [count], {
        env,
        execArgv: ['--import', 'tsx'],
      });
      await new Promise((resolve) => child.once('message', resolve));
      await sleep(Math.random() * 150);
      child.kill('SIGKILL');
      const endsAt = Date.now() + 20_000;
      while (readdirSync(join(dir, 'spool')).length > 0 && Date.now() < endsAt) await sleep(10);
      const returned = existsSync(count) ? statSync(count).size : 0;
      const values = receiver.points().map(([, step, value]) => (expect(value).toBe(step), value));
      expect([returned, returned + 1]).toContain(values.length);
      expect(values).toEqual(values.map((_, index) => index));
      expect(receiver.named('RunFinished')).toMatchObject([{ state: 'killed', exitCode: 137 }]);
      receiver.expectNoGaps();
    }
  });

  it('starts its sender again when that alone is killed, and delivers everything once', async () => {
    const run = init({ project: 'p', url, dir, ...quiet });
    const lock = join(run.spool!.folder, 'sender.lock');
    for (let round = 0, step = 0; round < 5; round++) {
      for (let i = 0; i < 50; i++) run.log({ x: step }, step++);
      await expect.poll(() => holder(lock)).not.toBe(null);
      process.kill(holder(lock)!, 'SIGKILL');
      await expect.poll(() => holder(lock)).toBe(null);
    }
    expect(await run.finish({ timeoutMs: 60_000 })).toBe(true);
    expect(receiver.points().map(([, , value]) => value)).toEqual(Array.from({ length: 250 }, (_, i) => i));
    receiver.expectNoGaps();
  });

  it('lets no second sender at a spool, and frees it from one that is gone', async () => {
    const run = init({ project: 'p', url: 'http://127.0.0.1:1', dir, ...quiet });
    const { folder } = run.spool!;
    await expect.poll(() => holder(join(folder, 'sender.lock'))).not.toBe(null);
    expect(() => new Sender({ folder, parentPid: 0, url, patienceMs: 1 })).toThrow(SpoolBusy);
    const pid = holder(join(folder, 'sender.lock'))!;
    writeFileSync(join(folder, 'sender.lock'), `${pid} 1`); // the number is taken by somebody else, as after a reboot
    expect(() => new Sender({ folder, parentPid: 0, url, patienceMs: 1 })).not.toThrow();
    process.kill(pid, 'SIGKILL');
    run.end('finished', '', 0);
  });

  it('drops, counts and says so when the spool is full', async () => {
    const run = init({ project: 'p', url, dir, mode: 'offline', spoolBytesMax: 16 * 2 ** 20, ...quiet });
    const metrics = Object.fromEntries(Array.from({ length: 1_000 }, (_, k) => [`m${k}`, k]));
    for (let i = 0; i < 3_000; i++) run.log(metrics);
    expect(run.dropped).toBeGreaterThan(0);
    expect(run.records + run.dropped).toBe(3_001);
    expect(await run.finish()).toBe(false);
  });
});

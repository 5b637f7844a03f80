import { spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NvidiaGpus } from './gpus.js';
import { HostSeat } from './host-seat.js';
import { Receiver } from './receiver.js';
import { SampleWriter } from './samples.js';
import { init } from './sdk.js';
import { kinds, SpoolReader } from './spool.js';

const [host, tree] = ['system/memory_used_bytes', 'system/process/memory_rss_bytes'];
const program = `
  import { readFileSync } from 'node:fs';
  const run = init({ project: 'p', id: 'sampled', rank: Number(process.argv[2]), worldSize: 2, systemIntervalMs: 1_000, captureConsole: false, captureEnvironment: false });
  setInterval(() => process.stdout.write(run.spool.folder + '\\n'), 100).unref();
  await new Promise((done) => process.stdin.once('data', done));
  run.log({ x: 1 });
  await run.finish({ timeoutMs: Number(process.argv[3]) });
  process.exit();`;

describe('system metrics of a TypeScript program', () => {
  let receiver: Receiver;
  let url: string;
  let dir: string;
  let jobs: { process: ChildProcess; folder: string }[] = [];
  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.listen();
    dir = mkdtempSync(join(tmpdir(), 'runstream-sdk-'));
  });
  afterEach(async () => {
    for (const job of jobs) job.process.kill('SIGKILL');
    jobs = [];
    await receiver.close();
    rmSync(dir, { recursive: true, force: true });
  });

  async function start(rank = 0, timeoutMs = 20_000): Promise<{ process: ChildProcess; folder: string }> {
    const path = join(dir, 'job.mts');
    writeFileSync(
      path,
      `import { init } from ${JSON.stringify(new URL('./sdk.ts', import.meta.url).href)};\n${program}`,
    );
    const kept = Object.entries(process.env).filter(([name]) => !/^(RUNSTREAM_|VITEST|NODE_ENV)/.test(name));
    const loader = pathToFileURL(join(process.cwd(), 'node_modules/tsx/dist/loader.mjs')).href;
    const child = spawn(
      process.execPath,
      ['--conditions=source', '--import', loader, path, `${rank}`, `${timeoutMs}`],
      {
        env: { ...Object.fromEntries(kept), RUNSTREAM_DIR: join(dir, 'spool'), RUNSTREAM_URL: url },
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const folder = await new Promise<string>((resolve) =>
      child.stdout.once('data', (text: Buffer) => resolve(text.toString().split('\n')[0]!)),
    );
    const job = { process: child, folder };
    jobs.push(job);
    return job;
  }
  const finish = (job: ChildProcess): Promise<unknown> => {
    const closed = new Promise((resolve) => job.once('close', resolve));
    job.stdin!.write('x');
    return closed;
  };
  const senderOf = ({ folder }: { folder: string }): number =>
    Number(readFileSync(join(folder, 'sender.lock'), 'utf8').split(' ')[0]);
  /** [rank, step, time] in the order they came. */
  const samples = (key: string): [number, number, number][] =>
    [...receiver.events.values()]
      .filter(({ name }) => name === 'PointsLogged')
      .flatMap(({ event, hex }) =>
        receiver
          .decode('PointsLogged', hex)
          .blocks.flatMap(({ keys, steps, times }) =>
            keys.includes(key)
              ? Array.from(steps, (step, i): [number, number, number] => [event.writer!.rank, step, times![i]!])
              : [],
          ),
      );

  it('are sampled from start to end, before the end is said, and survive kill -9 of the sender', async () => {
    const job = await start();
    await expect.poll(() => samples(host).length).toBeGreaterThan(0);
    receiver.fault = () => 'lose'; // what was sent last is to be sent again
    const { resent } = receiver;
    await expect.poll(() => receiver.resent).toBeGreaterThan(resent);
    process.kill(senderOf(job), 'SIGKILL');
    receiver.fault = () => null;
    const taken = samples(host).length;
    await expect.poll(() => samples(host).length).toBeGreaterThan(taken + 1);
    await finish(job.process);
    expect([...receiver.events.values()].at(-1)!.name).toBe('RunFinished');
    receiver.expectNoGaps();
    const steps = samples(tree).map(([, step]) => step);
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
    expect(Math.abs(steps[0]! - Date.now() / 1_000)).toBeLessThan(3_600);
    expect(existsSync(job.folder)).toBe(false);
  });

  it('end with the run, though the server is away, and are all delivered then', async () => {
    const job = await start(0, 100);
    await expect.poll(() => samples(host).length).toBeGreaterThan(0);
    receiver.fault = () => 503;
    const { asked } = receiver;
    await expect.poll(() => receiver.asked).toBeGreaterThan(asked); // the sender is at it
    await finish(job.process);
    await sleep(1_500);
    receiver.fault = () => null;
    await expect.poll(() => receiver.named('RunFinished')).toHaveLength(1);
    const ended = [...receiver.events.values()].find(({ name }) => name === 'RunFinished')!.event.timeMs;
    expect(Math.max(...samples(host).map(([, , time]) => time))).toBeLessThanOrEqual(ended);
    receiver.expectNoGaps();
  });

  it('are those of the host from one of two ranks, and from the other one when it is gone', async () => {
    const ranks = [await start(0), await start(1)];
    await expect.poll(() => new Set(samples(tree).map(([rank]) => rank)).size).toBe(2);
    await expect.poll(() => samples(host).length).toBeGreaterThan(1);
    const first = new Set(samples(host).map(([rank]) => rank));
    expect(first.size).toBe(1);
    const [gone] = ranks.splice([...first][0]!, 1);
    const sender = senderOf(gone!);
    gone!.process.kill('SIGKILL');
    process.kill(sender, 'SIGKILL');
    await expect.poll(() => new Set(samples(host).map(([rank]) => rank)).size).toBe(2);
    await finish(ranks[0]!.process);
  });

  it('are asked for as in Python, and a pace that can not be is refused by its name', () => {
    const quiet = { project: 'p', mode: 'offline', dir, captureConsole: false, captureEnvironment: false } as const;
    for (const systemIntervalMs of [500, Number.NaN, 'often' as never])
      expect(() => init({ ...quiet, systemIntervalMs })).toThrow('systemIntervalMs');
    process.env['RUNSTREAM_CAPTURE_SYSTEM'] = 'maybe';
    try {
      expect(() => init(quiet)).toThrow('RUNSTREAM_CAPTURE_SYSTEM');
      process.env['RUNSTREAM_CAPTURE_SYSTEM'] = 'off';
      expect([init(quiet).meta.system, init({ ...quiet, captureSystem: true }).meta.system]).toMatchObject([
        null,
        { intervalMs: 5_000 },
      ]);
    } finally {
      delete process.env['RUNSTREAM_CAPTURE_SYSTEM'];
    }
  });

  it('have one seat on a host', async () => {
    const name = `seat-${process.pid}`;
    const [first, second] = [new HostSeat(name, 0), new HostSeat(name, 1)];
    expect([await first.taken(), await second.taken(), await first.taken()]).toEqual([true, false, true]);
    first.leave();
    await expect.poll(() => second.taken()).toBe(true);
    second.leave();
  });

  it('are written over what a kill has cut short', () => {
    const folder = join(dir, 'samples');
    const writer = new SampleWriter(folder);
    writer.append(5, 5_000, { a: 1 });
    writer.append(6, 6_000, { a: 1, b: 2 });
    writer.close();
    appendFileSync(join(folder, 'keys'), '[3,["to');
    appendFileSync(join(folder, '00000000.seg'), Buffer.from('300000000102030405', 'hex'));
    const again = new SampleWriter(folder);
    expect(again.lastStep).toBe(6);
    again.append(7, 7_000, { c: 1 });
    again.append(8, 8_000, { a: 1 });
    const reader = new SpoolReader(folder);
    const rows = [...reader.scan(0)].filter(({ kind }) => kind === kinds.row);
    expect(rows.map(({ number, tag }) => [number, reader.keys(tag)])).toEqual([
      [5, ['a']],
      [6, ['a', 'b']],
      [7, ['c']],
      [8, ['a']],
    ]);
    const many = Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`k${i}`, i]));
    for (let step = 9; step < 300; step++) again.append(step, step, many);
    expect(statSync(join(folder, '00000001.seg')).size).toBeGreaterThan(0);
    expect(new SampleWriter(folder).lastStep).toBe(299);
  });

  it('hold none of GPUs where nvidia-smi is not there, ends or prints something else', async () => {
    const odd = join(dir, 'nvidia-smi');
    writeFileSync(odd, '#!/bin/sh\necho "NVIDIA-SMI has failed"; echo "0, 5, 1, 2, 3.5, 4, 5"; exit 9\n');
    chmodSync(odd, 0o755);
    const [none, failing] = [new NvidiaGpus(1_000, join(dir, 'nothing')), new NvidiaGpus(1_000, odd)];
    await expect.poll(() => failing.read()).toMatchObject([{ utilization_percent: 5, power_watts: 3.5 }]);
    expect(none.read()).toEqual([]);
    none.close();
    failing.close();
  });
});

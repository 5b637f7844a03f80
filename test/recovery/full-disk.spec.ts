import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { openEmbeddedServer, type ServerRig } from '../rigs/embedded-rig.js';
import { runCli } from '../rigs/server-rig.js';
import { spawnCli } from '../rigs/server-process.js';
import { settled } from './checks.js';

const run = 'full';
const diskMb = 400;
/** Mounting a small file system of one's own takes root. */
const mountable = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!mountable)('a full disk (skipped where no small file system can be mounted)', () => {
  let dir: string;
  let rig: ServerRig;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'runstream-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMb}m`, 'tmpfs', dir]);
    rig = await openEmbeddedServer({ RUNSTREAM_DATA: join(dir, 'data') });
  });
  afterAll(async () => {
    await rig?.close();
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
  });

  const batch = (seq: number) => {
    const steps = Array.from({ length: 2_000 }, (_, i) => (seq - 1) * 2_000 + i);
    return points(run, writerOf('w', seq, 0), [block(['loss'], steps, (_, step) => Math.sin(step))]);
  };
  /** Whether a batch was acked; a refusal must say why and be one that a sender repeats. */
  const post = async (seq: number): Promise<boolean> => {
    try {
      const { results } = await postEvents(rig.server.url, [{ ...batch(seq), id: `${run}-${seq}`, timeMs: 1_000 }]);
      expect(results[0]).toMatchObject({ status: 'accepted' });
      return true;
    } catch (error) {
      expect((error as Error).message).toMatch(/^503 .*disk is full.*try again/s);
      return false;
    }
  };

  /** Points in the run's chart. */
  const drawn = async (): Promise<number> => {
    const asked = 'query($id: ID!) { run(id: $id) { series(keys: ["loss"], buckets: 500) { count } } }';
    const { run: found } = await gql(rig.server.url, asked, { id: run });
    return (found.series[0]?.count ?? []).reduce((sum: number, count: number) => sum + count, 0);
  };

  it('is said plainly, stops nobody for good, and loses nothing that was acked', async () => {
    await postEvents(rig.server.url, [started(run, 'recovery', writerOf('w', 1, 0))]);
    let acked = 0;
    for (; acked < 5; acked++) expect(await post(acked + 1)).toBe(true);
    await settled(rig.server.url);
    fill(dir, 1_500_000); // some for the log, too little for the stores
    let refused = 0;
    const bytes = Buffer.alloc(4_000_000, 7);
    const digest = createHash('sha256').update(bytes).digest('hex');
    const put = () => fetch(`${rig.server.url}/v1/artifacts/sha256:${digest}`, { method: 'PUT', body: bytes });
    const artifact = await put();
    expect([artifact.status, await artifact.text()]).toEqual([503, expect.stringMatching(/disk is full/)]);
    for (let tries = 0; tries < 200 && refused < 3; tries++) {
      if (await post(acked + 1)) acked += 1;
      else refused += 1;
    }
    expect(refused).toBe(3);
    await sleep(1_500); // projectors have met the full disk by now
    // the run tables had to grow for a run with many params: they wait, and say so
    await postEvents(rig.server.url, [{ ...started('wide', 'recovery', writerOf('w', 1, 0)), id: 'wide' }]).catch(
      () => null,
    );
    await expect.poll(async () => (await fetch(`${rig.server.url}/readyz`)).text()).toMatch(/disk is full/);
    expect((await fetch(`${rig.server.url}/readyz`)).status).toBe(503);
    fill(dir, 0, 'last'); // not a byte left: what is asked for is still answered whole
    expect((await fetch(`${rig.server.url}/healthz`)).status).toBe(200);
    expect(await drawn()).toBeGreaterThanOrEqual(5 * 2_000);
    rmSync(join(dir, 'last'));
    rmSync(join(dir, 'filler'));
    for (const until = acked + 5; acked < until;) {
      if (await post(acked + 1)) acked += 1;
      else await sleep(100);
    }
    expect((await put()).ok).toBe(true);
    await settled(rig.server.url);
    const { run: found } = await gql(
      rig.server.url,
      'query($id: ID!) { run(id: $id) { metric(key: "loss") { count } completeness { batchesMissing } series(keys: ["loss"], buckets: 1) { count } } }',
      { id: run },
    );
    expect(found.metric.count).toBe(acked * 2_000);
    expect(found.series[0].count).toEqual([acked * 2_000]);
    expect(found.completeness.batchesMissing).toBe(0);
    const { code, output } = await runCli(['rebuild', '--drop-old'], rig.environment);
    expect(output.match(/identical/g), output).toHaveLength(2);
    expect(code).toBe(0);
  });

  it('keeps a start waiting, alive and in words, until there is room', async () => {
    await rig.server.kill('SIGKILL');
    fill(dir, 0);
    const child = spawnCli(['start'], { ...rig.environment, RUNSTREAM_PORT: '0' });
    let output = '';
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      await expect.poll(() => output).toMatch(/readyz=http/);
      const url = /readyz=(http:\S+)\/readyz/.exec(output)![1]!;
      const [alive, ready, page] = await Promise.all(['/healthz', '/readyz', '/'].map((path) => fetch(url + path)));
      expect([alive!.status, ready!.status, page!.status, page!.headers.get('retry-after')]).toEqual([
        200,
        503,
        503,
        '5',
      ]);
      const { waiting } = (await ready!.json()) as { waiting: { what: string; reason: string; since: string }[] };
      expect(waiting[0]!.reason).toMatch(/disk is full.*free some space/);
      expect(Date.parse(waiting[0]!.since)).toBeLessThanOrEqual(Date.now());
      rmSync(join(dir, 'filler'));
      await expect.poll(async () => (await fetch(`${url}/readyz`).catch(() => null))?.status).toBe(200);
      const { run: found } = await gql(url, 'query($id: ID!) { run(id: $id) { metric(key: "loss") { count } } }', {
        id: run,
      });
      expect(found.metric.count).toBeGreaterThan(0);
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
  });
});

/** Leaves so many bytes free. */
function fill(dir: string, freeBytes: number, name = 'filler'): void {
  writeFileSync(join(dir, name), '');
  for (;;) {
    const { bavail, bsize } = statfsSync(dir);
    const bytes = bavail * bsize - freeBytes;
    if (bytes <= 0) return;
    // the server writes meanwhile: what was free a moment ago may be less now
    const { status, error } = spawnSync('fallocate', ['-l', String(bytes), join(dir, name)]);
    if (error) throw error;
    if (status === 0) return;
  }
}

import { request } from 'node:http';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openEmbeddedServer, type ServerRig } from '../rigs/embedded-rig.js';
import { block, gql, openSocket, points, postEvents, started, writerOf } from '../rigs/client.js';
import { childrenOf } from '../rigs/processes.js';
import { spawnCli } from '../rigs/server-process.js';
import { openRaw } from '../rigs/raw-socket.js';

/** What people and service managers wait for before they kill. */
const stopMsMax = 10_000;
let rig: ServerRig | null = null;
afterEach(async () => {
  await rig?.close();
  rig = null;
});

/** Viewers, silent connections, an upload that does not end, and senders that go on until they are refused. */
async function load(url: string): Promise<{ sent(): number; stop(): Promise<void> }> {
  const viewers = [openSocket(url), openSocket(url)];
  for (const viewer of viewers) {
    const frames = viewer.iterate({ query: 'subscription { runChanged { cursor } }' });
    void (async () => {
      for await (const _ of frames) continue;
    })().catch(() => null);
  }
  // a viewer whose machine sleeps: it answers nothing, not even that we close
  const asleep = await openRaw(url);
  asleep.write(
    `GET /graphql HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
  );
  asleep.pause();
  const silent = await openRaw(url);
  silent.write('POST /v1/events HTTP/1.1\r\n');
  const upload = request(`${url}/v1/artifacts/uploads/${randomUUID()}`, {
    method: 'PATCH',
    headers: { 'upload-offset': '0', 'content-length': String(1024 ** 3) },
  });
  upload.on('error', () => null);
  upload.write(Buffer.alloc(1024 * 1024));
  let seq = 0;
  let stopped = false;
  let sent = 0;
  await postEvents(url, [started('load', 'stop', writerOf('w', ++seq))]);
  const sending = (async () => {
    while (!stopped) {
      const batch = ++seq;
      try {
        await postEvents(url, [points('load', writerOf('w', batch), [block(['loss'], [batch], () => batch)])]);
        sent = batch;
      } catch {
        return;
      }
    }
  })();
  await expect.poll(() => sent).toBeGreaterThan(20);
  return {
    sent: () => sent,
    async stop() {
      stopped = true;
      await sending;
      upload.destroy();
      asleep.destroy();
      silent.destroy();
      for (const viewer of viewers) await viewer.dispose();
    },
  };
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s under load', (signal) => {
  it('ends the server with 0, seals the log, loses nothing that was answered; the next start has nothing to check', async () => {
    rig = await openEmbeddedServer({ RUNSTREAM_LOG_LEVEL: 'info' });
    const running = await load(rig.server.url);
    const since = performance.now();
    expect(await rig.server.kill(signal), rig.server.output()).toBe(0);
    expect(performance.now() - since).toBeLessThan(stopMsMax);
    await running.stop();
    await rig.start();
    expect(rig.server.output()).not.toMatch(/not closed cleanly|rebuilt|torn|cut/);
    const { run } = await gql(rig.server.url, '{ run(id: "load") { metric(key: "loss") { count } } }');
    expect(run.metric.count).toBeGreaterThanOrEqual(running.sent() - 1);
  });
});

it('one Ctrl-C that arrives twice, and reaches the engine as well, is one', async () => {
  rig = await openEmbeddedServer();
  const children = childrenOf(rig.server.pid);
  expect(children.length).toBeGreaterThan(0);
  for (const pid of children) process.kill(pid, 'SIGINT');
  process.kill(rig.server.pid, 'SIGINT');
  await sleep(20);
  expect(await rig.server.kill('SIGINT'), rig.server.output()).toBe(0);
  expect(rig.server.output()).not.toMatch(/engine process|down/);
});

it('a signal while the server starts is a clean stop as well', async () => {
  rig = await openEmbeddedServer();
  expect(await rig.server.kill('SIGTERM')).toBe(0);
  const child = spawnCli(['start'], { RUNSTREAM_DATA: rig.dir, RUNSTREAM_PORT: '0' });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = new Promise((resolve) => child.once('exit', resolve));
  // its engine is up, its doors are not
  await expect.poll(() => output).toContain('metric engine up');
  child.kill('SIGTERM');
  expect(await code, output).toBe(0);
  await rig.start();
  expect(rig.server.output()).not.toMatch(/not closed cleanly/);
});

import { readFileSync } from 'node:fs';
import { gzipSync, deflateSync } from 'node:zlib';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedServer, type ServerRig } from '../rigs/embedded-rig.js';
import { postEvents, started } from '../rigs/client.js';
import { openRaw } from '../rigs/raw-socket.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openEmbeddedServer();
  url = rig.server.url;
});
afterAll(() => rig.close());

/** Figures for docs/figures.md. */
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const mebibyte = 1024 * 1024;
const memory = (field: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${rig.server.pid}/status`, 'utf8'))![1]) * 1024;

const post = async (path: string, type: string, body: Uint8Array, headers: Record<string, string> = {}) => {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: body as never,
  });
  return { status: response.status, text: await response.text() };
};

const doors = {
  events: ['/v1/events', 'application/cloudevents-batch+json'],
  graphql: ['/graphql', 'application/json'],
  sql: ['/clickhouse', 'text/plain'],
  mlflow: ['/api/2.0/mlflow/runs/log-batch', 'application/json'],
  old: ['/t/team/ajax-api/2.0/mlflow/experiments/search', 'application/json'],
  spans: ['/v1/traces', 'application/json'],
  keys: ['/v1/admin/keys', 'application/json'],
  upload: ['/v1/artifacts/uploads/7f1f0d3a-0000-4000-8000-000000000000/complete', 'application/json'],
} as const;

/** A neighbour who goes on all the while; every call must be right. */
async function whileServed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly slowestMs: number }> {
  let over = false;
  let slowestMs = 0;
  const neighbour = (async () => {
    for (let i = 0; !over; i++) {
      const since = performance.now();
      const { status, results } = await postEvents(url, [started(`neighbour-${i}`, 'neighbours')]);
      expect([status, results[0]!.status]).toEqual([200, 'accepted']);
      slowestMs = Math.max(slowestMs, performance.now() - since);
      await sleep(20);
    }
  })();
  try {
    return { result: await work(), slowestMs };
  } finally {
    over = true;
    await neighbour;
  }
}

const emptyMessages = (count: number): Buffer => Buffer.alloc(2 * count, Buffer.from([0x0a, 0]));
/** A message of protobuf whose field 1 is these bytes. */
const inside = (bytes: Buffer): Buffer => {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), bytes]);
};

describe('a body that is small and becomes large', () => {
  const packed: Record<string, Buffer> = {
    'a list of 21 million {}': gzipSync(`[${'{},'.repeat(21_000_000)}{}]`),
    'an object of lists': gzipSync(`{"query":"{server{version}}","variables":{"a":[${'[],'.repeat(4_000_000)}1]}}`),
    'lists in each other': gzipSync('['.repeat(4_000_000)),
    'a list within a text': gzipSync(JSON.stringify(`{"a":[${'{},'.repeat(4_000_000)}{}]}`)),
    'a list of numbers': gzipSync(`[${'1,'.repeat(10_000_000)}1]`),
  };
  it.each(Object.keys(packed))(
    'is refused at every door of JSON, and others are served meanwhile: %s',
    async (name) => {
      const before = memory('VmRSS');
      const { slowestMs } = await whileServed(async () => {
        for (const [path, type] of Object.values(doors)) {
          const headers = { 'content-encoding': 'gzip', 'x-mlflow-experiment-id': '0' };
          const { status, text } = await post(path, type, packed[name]!, headers);
          expect(status, `${path} ${text}`).toBeGreaterThanOrEqual(400);
          expect(status, `${path} ${text}`).toBeLessThan(500);
        }
      });
      say(
        `${name}: ${packed[name]!.length} bytes; a neighbour waited ${Math.round(slowestMs)} ms at most, peak ${Math.round((memory('VmHWM') - before) / mebibyte)} MB more`,
      );
      expect(memory('VmHWM') - before).toBeLessThan(700 * mebibyte);
    },
  );

  it('of Protobuf is refused by the number of its fields', async () => {
    const messages = ((plain: Buffer) => [plain, inside(plain), inside(inside(plain))])(emptyMessages(4_000_000));
    const bodies = [gzipSync, deflateSync].flatMap((pack) =>
      messages.map((body) => ({ encoding: pack === gzipSync ? 'gzip' : 'deflate', bytes: pack(body) })),
    );
    const before = memory('VmRSS');
    const { slowestMs } = await whileServed(async () => {
      for (const path of ['/v1/events', '/v1/traces'])
        for (const { encoding, bytes } of bodies) {
          const headers = { 'content-encoding': encoding, 'x-mlflow-experiment-id': '0' };
          const { status, text } = await post(path, 'application/x-protobuf', bytes, headers);
          expect(status, text).toBe(400);
        }
    });
    say(
      `fields: a neighbour waited ${Math.round(slowestMs)} ms at most, peak ${Math.round((memory('VmHWM') - before) / mebibyte)} MB more`,
    );
    expect(memory('VmHWM') - before).toBeLessThan(700 * mebibyte);
  });
});

describe('a body that does not come', () => {
  it('takes nothing from anybody: silent and dripping senders are told so, and cut off', async () => {
    const silent: Promise<string>[] = [];
    for (const [path, type] of [
      ...Object.values(doors),
      ['/api/2.0/mlflow-artifacts/artifacts/x', 'text/plain'],
    ] as const)
      for (let i = 0; i < 8; i++) {
        const socket = await openRaw(url);
        // artifacts go to a store and may take hours, but not a silent half minute
        const method = path.endsWith('/x') ? 'PUT' : 'POST';
        const length =
          path === doors.keys[0] || path === doors.upload[0]
            ? 9_000
            : path === doors.graphql[0] || path === doors.sql[0]
              ? mebibyte
              : 32 * mebibyte;
        socket.write(
          `${method} ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: ${type}\r\nX-Mlflow-Experiment-Id: 0\r\n` +
            (i % 2 ? `Content-Length: ${length}\r\n\r\n` : 'Transfer-Encoding: chunked\r\n\r\n'),
        );
        const drip = setInterval(() => socket.write(i % 2 ? ' ' : '1\r\n \r\n'), i < 4 ? 300 : 1_000_000);
        silent.push(
          new Promise<string>((resolve) => {
            let said = '';
            socket.on('data', (chunk: Buffer) => (said += chunk.toString()));
            socket.on('close', () => (clearInterval(drip), resolve(said)));
          }),
        );
      }
    const { result } = await whileServed(() => Promise.all(silent));
    for (const said of result)
      expect(said).toMatch(/^HTTP\/1\.1 408 [\s\S]*(TOO_SLOW|REQUEST_TIMEOUT)[\s\S]*body: it must come/);
  });

  it('nor do connections that never say what they want', async () => {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openRaw(url)));
    sockets.forEach((socket, i) => i % 2 && socket.write('POST /v1/events HTTP/1.1\r\nHost'));
    const closed = sockets.map((socket) => new Promise((resolve) => socket.resume().on('close', resolve)));
    await whileServed(() => Promise.all(closed));
  });
});

import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import WebSocket from 'ws';
import { seededRandom } from '../recovery/load.js';
import { openEmbeddedServer } from '../rigs/embedded-rig.js';
import { block, gql, points, postEvents, started, writerOf } from '../rigs/client.js';
import { sayRaw } from '../rigs/raw-socket.js';
import { awsRequest } from './aws-cases.js';
import { fuzzMessages, fuzzRequest, mutatedText, type FuzzRequest, type Random } from './fuzz-cases.js';

const atOnce = 24;
const growthBytesMax = 400 * 1024 * 1024;

/** Says all kinds of nonsense to every door and socket while a neighbour goes on, then looks whether anything is worse than before. */
export async function fuzz(requests: number, seed: number): Promise<void> {
  process.stdout.write(`fuzz: ${requests} requests, seed ${seed}\n`);
  const rig = await openEmbeddedServer();
  try {
    const { url, pid } = rig.server;
    const random = seededRandom(seed);
    const memory = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
    let left = requests;
    let warm = 0;
    const bad: string[] = [];
    const work = async (): Promise<void> => {
      while (left-- > 0) {
        if (warm === 0 && left < requests * 0.8) warm = memory();
        const kind = random();
        if (kind < 0.1) await socketNonsense(url, random);
        else if (kind < 0.15) await rawNonsense(url, random);
        else {
          const asked = random() < 0.25 ? awsRequest(random) : fuzzRequest(random);
          const { status, text } = await ask(url, asked);
          // 501 is MLflow's word for what a server does not offer
          if (status >= 500 && status !== 501)
            bad.push(
              `${status} ${text.slice(0, 300)} to ${JSON.stringify({ ...asked, body: asked.body?.toString('latin1') })}`,
            );
        }
      }
    };
    let over = false;
    const neighbour = neighbourOf(url, () => over);
    await Promise.all(Array.from({ length: atOnce }, work));
    over = true;
    const calls = await neighbour;
    expect(bad).toEqual([]);
    expect(calls).toBeGreaterThan(5);
    expect(rig.server.output()).not.toMatch(/"level":"error"|request failed|operation failed/);
    for (const path of ['/healthz', '/readyz']) expect((await fetch(url + path)).status).toBe(200);
    await expect.poll(memory).toBeLessThan(warm + growthBytesMax);
    process.stdout.write(
      `fuzz: ${calls} calls of the neighbour were right; ${Math.round(warm / 2 ** 20)} MB warm, ${Math.round(memory() / 2 ** 20)} MB after\n`,
    );
    expect(await rig.server.kill('SIGTERM')).toBe(0);
  } finally {
    await rig.close();
  }
}

/** Writes and reads back all the while; every answer must be right. */
async function neighbourOf(url: string, over: () => boolean): Promise<number> {
  await postEvents(url, [started('neighbour', 'neighbours', writerOf('n', 1))]);
  for (let seq = 2; ; seq++) {
    const { status, position } = await postEvents(url, [
      points('neighbour', writerOf('n', seq), [block(['loss'], [seq], () => seq / 3)]),
    ]);
    expect(status).toBe(200);
    const { run } = await gql(
      url,
      'query($at: String) { run(id: "neighbour", at: $at) { metric(key: "loss") { last count } } }',
      { at: position },
    );
    expect(run).toEqual({ metric: { last: seq / 3, count: seq - 1 } });
    if (over()) return seq - 1;
    await sleep(50);
  }
}

function ask(url: string, { method, path, headers, body }: FuzzRequest): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    let sending;
    try {
      sending = request(
        url,
        { method, path, headers: { ...headers, 'content-length': body?.length ?? 0 } },
        (answer) => {
          let text = '';
          answer.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(0, 10_000)));
          answer.on('close', () => resolve({ status: answer.statusCode!, text }));
        },
      );
    } catch {
      return resolve({ status: 0, text: '' }); // our own client would not say it: the raw ones do
    }
    // closed on us while we wrote: an answer is not owed to everybody, being alive is
    sending.on('error', () => resolve({ status: 0, text: '' }));
    sending.end(body ?? undefined);
  });
}

async function rawNonsense(url: string, random: Random): Promise<void> {
  const { method, path, headers, body } = fuzzRequest(random);
  const lines = Object.entries({ host: new URL(url).host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = `${method} ${path} HTTP/1.1\r\n${lines.join('')}Content-Length: ${body?.length ?? 0}\r\n\r\n${body?.toString('latin1') ?? ''}`;
  await sayRaw(url, Buffer.from(mutatedText(random, text), 'latin1'), 100);
}

function socketNonsense(url: string, random: Random): Promise<void> {
  const messages = fuzzMessages(random);
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.on('close', resolve).on('error', () => resolve());
    socket.on('open', () => {
      for (const message of messages) socket.send(message);
      setTimeout(() => (random() < 0.5 ? socket.terminate() : socket.close()), 50);
    });
  });
}

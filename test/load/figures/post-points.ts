/**
 * Simulated writers over HTTP, as a process of its own. `flood`: bodies prepared, then on "go" posted as fast as the server takes
 * them, each writer one request at a time. `pace`: each writer posts once a second at its own moment; the last value of key "sent" is
 * the time of the POST. Arguments: url run mode writers keys steps requestsPerWriter
 */
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { points, started, wireEvent, writerOf } from '../../rigs/client.js';
import { writeEventBatch } from '#libs/domain/wire/batch-codec.js';
import { keyNames, trainerBlock } from './trainer.js';

const [url, run, mode, ...numbers] = process.argv.slice(2) as [string, string, string, ...string[]];
const [writers, keys, steps, requests] = numbers.map(Number) as [number, number, number, number];
const agent = new Agent({ keepAlive: true, maxSockets: writers });
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const clock = (): number => performance.timeOrigin + performance.now();

function post(body: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/events`,
      { method: 'POST', agent, headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length } },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`the server answered ${response.statusCode}`)),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const body = (rank: number, seq: number, stamp: boolean): Uint8Array => {
  const block = trainerBlock((seq - 1) * steps, steps, keys);
  if (stamp) block.values[steps - 1] = clock();
  const named = stamp ? { ...block, keys: ['sent', ...keyNames(keys).slice(1)] } : block;
  return writeEventBatch([wireEvent(points(run, writerOf(`w${rank}`, seq, rank), [named]))]);
};

async function flood(): Promise<void> {
  const bodies = Array.from({ length: writers }, (_, rank) =>
    Array.from({ length: requests }, (__, index) => body(rank, index + 1, false)),
  );
  say({ ready: true });
  await new Promise((resolve) => createInterface(process.stdin).once('line', resolve));
  const startedAt = clock();
  await Promise.all(
    bodies.map(async (mine) => {
      for (const one of mine) await post(one);
    }),
  );
  say({ startedAt, durableAt: clock(), bytes: bodies.flat().reduce((sum, { length }) => sum + length, 0) });
}

async function pace(): Promise<void> {
  say({ ready: true });
  const late: number[] = [];
  const begin = clock();
  let failed = 0;
  const writer = async (rank: number): Promise<void> => {
    for (let seq = 1; seq <= requests; seq++) {
      const due = begin + (seq - 1 + rank / writers) * 1_000;
      const wait = due - clock();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      late.push(clock() - due);
      await post(body(rank, seq, true)).catch(() => (failed += 1));
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, rank) => writer(rank)));
  late.sort((a, b) => a - b);
  say({ seconds: (clock() - begin) / 1_000, lateP99Ms: late[Math.floor(late.length * 0.99)], failed });
}

await post(
  writeEventBatch([wireEvent(started(run, 'bench', writerOf('w0', 1), { worldSize: writers, launch: 'bench' }))]),
);
await (mode === 'flood' ? flood() : pace());
process.exit(0);

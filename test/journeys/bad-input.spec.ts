import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeEventBatch } from '#libs/domain/wire/batch-codec.js';
import { eventNames } from '#libs/domain/wire/payload-codec.js';
import { block, gql, points, postEvents, started, wireEvent, writerOf } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';
import { seededRandom } from '../recovery/load.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
});
afterAll(() => rig.close());

const residentBytes = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${rig.server.pid}/status`, 'utf8'))![1]) * 1024;

const post = async (path: string, type: string, body: Uint8Array | string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: body as never,
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe('bad input', () => {
  it('of events that say nothing is refused or taken one by one, and nothing after them waits', async () => {
    for (const names of [eventNames, [...eventNames].reverse()]) {
      const events = names.map((name) => ({ ...wireEvent(started('empty', 'empty')), type: `runstream.${name}.v1` }));
      const body = writeEventBatch(
        events.map((event, index) => ({ ...event, id: `${names[0]}-${index}`, data: new Uint8Array(0) })),
      );
      const { status, text } = await post('/v1/events', 'application/x-protobuf', body);
      expect(status, text).toBe(200);
    }
    const { position } = await postEvents(url, [started('after-empty', 'empty', writerOf('w', 1))]);
    const { run } = await gql(url, `query($at: String) { run(id: "after-empty", at: $at) { id } }`, { at: position });
    expect(run.id).toBe('after-empty');
  });

  it('of random bytes and mutated batches gets a clear 4xx at every door, and the server goes on', async () => {
    const random = seededRandom(7);
    const good = Buffer.from(
      writeEventBatch([
        wireEvent(started('fuzz', 'fuzz')),
        wireEvent(points('fuzz', writerOf('w', 1), [block(['a', 'b'], [1, 2, 3], (k, s) => k + s)])),
      ]),
    );
    const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
    const doors: (() => Promise<{ status: number; text: string }>)[] = [
      () => post('/v1/events', 'application/x-protobuf', bytes(1 + Math.floor(random() * 300))),
      () => {
        const mutated = Buffer.from(good);
        for (let i = 0; i < 1 + random() * 4; i++)
          mutated[Math.floor(random() * mutated.length)] = Math.floor(random() * 256);
        return post(
          '/v1/events',
          'application/x-protobuf',
          mutated.subarray(0, Math.floor(mutated.length * (random() < 0.3 ? random() : 1))),
        );
      },
      () => post('/v1/events', 'application/cloudevents+json', bytes(50)),
      () =>
        post('/v1/events', 'application/x-protobuf', bytes(100), {
          'content-encoding': ['gzip', 'zstd', 'br', 'deflate', 'nope'][Math.floor(random() * 5)]!,
        }),
      () => post('/graphql', 'application/json', bytes(80)),
      () => post('/clickhouse', 'text/plain', bytes(80)),
      () => post('/v1/artifacts/uploads/..%2f..%2fx/complete', 'application/json', bytes(20)),
      () => post('/v1/admin/rebuild', 'application/json', bytes(20)),
    ];
    for (let i = 0; i < 400; i++) {
      const { status, text } = await doors[i % doors.length]!();
      // a mutated batch may still be a good one
      if (status !== 200) expect(status, text).toBeGreaterThanOrEqual(400);
      expect(status, text).toBeLessThan(500);
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('names the field and the index, and takes the neighbours', async () => {
    const good = points('neighbours', writerOf('w', 1), [block(['loss'], [1], () => 1)]);
    const answer = await postEvents(url, [
      started('neighbours', 'fuzz'),
      { ...good, subject: 'no/slash' },
      { ...good, writer: { id: 'w', attempt: 1, rank: -1 >>> 0, seq: 1 } },
      { ...good, data: { blocks: [block(['ok', ''], [1], () => 1)] } },
      { ...good, data: { blocks: [block(['twice', 'twice'], [1], () => 1)] } },
      good,
    ]);
    expect(answer.status).toBe(200);
    expect(answer.results.map(({ status, field }) => [status, field || undefined])).toEqual([
      ['accepted', undefined],
      ['refused', 'events[1].subject'],
      ['refused', 'events[2].writer.rank'],
      ['refused', 'events[3].data.blocks[0].keys[1]'],
      ['refused', 'events[4].data.blocks[0].keys'],
      ['accepted', undefined],
    ]);
    const { run } = await gql(url, 'query($at: String) { run(id: "neighbours", at: $at) { summary { key last } } }', {
      at: answer.position,
    });
    expect(run.summary).toEqual([{ key: 'loss', last: 1 }]);
  });

  it('of a version to come is refused with what to do', async () => {
    const answer = await postEvents(url, [started('version', 'fuzz')]);
    expect(answer.status).toBe(200);
    const event = { ...wireEvent(started('version', 'fuzz')), type: 'runstream.RunStarted.v9' };
    const { status, text } = await post('/v1/events', 'application/x-protobuf', writeEventBatch([event]), {
      accept: 'application/json',
    });
    expect(status).toBe(400);
    expect(JSON.parse(text).results[0]).toMatchObject({ code: 'UNSUPPORTED_VERSION', field: 'events[0].type' });
    expect(text).toContain('upgrade');
  });

  it('that is too large is refused before it is read, also when it is packed', async () => {
    const declared = await new Promise<number>((resolve, reject) => {
      const sending = request(
        `${url}/v1/events`,
        { method: 'POST', headers: { 'content-type': 'application/x-protobuf', 'content-length': 2 ** 30 } },
        (response) => {
          resolve(response.statusCode!);
          sending.destroy();
        },
      );
      sending.on('error', reject);
      sending.flushHeaders();
    });
    expect(declared).toBe(413);
    const before = residentBytes();
    const bomb = gzipSync(Buffer.alloc(400 * 1024 * 1024));
    for (let i = 0; i < 8; i++) {
      expect((await post('/v1/events', 'application/x-protobuf', bomb, { 'content-encoding': 'gzip' })).status).toBe(
        413,
      );
    }
    // one inflated body at a time, never what it claims to hold
    expect(residentBytes() - before).toBeLessThan(400 * 1024 * 1024);
  });

  it('in GraphQL is refused by depth and cost', async () => {
    const deep = `{ run(id: "x") ${'{ children { '.repeat(14)} id ${'} }'.repeat(14)} }`.replace(
      /children \{ \{/g,
      'children {',
    );
    await expect(gql(url, `{ run(id: "x") { ${'children { '.repeat(13)} id ${'}'.repeat(13)} } }`)).rejects.toThrow(
      /levels deep/,
    );
    await expect(
      gql(url, '{ runs(first: 1000) { nodes { points(key: "a", first: 100000) { step } } } }'),
    ).rejects.toThrow(/costs/);
    await expect(gql(url, deep)).rejects.toThrow();
    await expect(gql(url, '{ runs(filter: "metrics.loss <") { totalCount } }')).rejects.toThrow(/filter/);
  });

  it('of a page of another site is refused on loopback', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const asking = request(
        `${url}/graphql?query={server{version}}`,
        { headers: { host: 'evil.example:7171', 'apollo-require-preflight': '1' } },
        (response) => resolve(response.statusCode!),
      );
      asking.on('error', reject);
      asking.end();
    });
    expect(status).toBe(403);
  });
});

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeEventBatch } from '#libs/domain/wire/batch-codec.js';
import { block, gql, newId, openSocket, points, postEvents, started, wireEvent, writerOf } from '../rigs/client.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let url: string;
beforeAll(async () => {
  rig = await openServerRig();
  url = rig.server.url;
});
afterAll(() => rig.close());

const runQuery = `query($id: ID!, $at: String) { run(id: $id, at: $at) {
  id name project status worldSize params { key value } tags { key value } summary { key last lastStep min max count }
  series(keys: ["loss"]) { key rank x min max first last }
  ranks { rank lastStep state } completeness { complete writers batchesReceived batchesMissing }
} }`;

describe('a first run', () => {
  it('is there for GraphQL and SQL as soon as the write was answered', async () => {
    const writer = writerOf('w1', 1);
    const params = [{ key: 'lr', json: '0.1' }];
    const start = await postEvents(url, [
      started('first', 'hello', writer, { name: 'one', params, tags: { team: 'vision' } }),
    ]);
    expect(start.results).toMatchObject([{ status: 'accepted' }]);
    const { position } = await postEvents(url, [
      points('first', writerOf('w1', 1), [
        block(['loss', 'acc'], [0, 1, 2], (key, step) => (key === 0 ? 1 / (step + 1) : step / 2)),
      ]),
    ]);
    const { run } = await gql(url, runQuery, { id: 'first', at: `${position},${start.position}` });
    expect(run).toMatchObject({
      id: 'first',
      name: 'one',
      project: 'hello',
      status: 'RUNNING',
      params: [{ key: 'lr', value: 0.1 }],
      tags: [{ key: 'team', value: 'vision' }],
      completeness: { complete: false, writers: 1, batchesMissing: 0 },
      ranks: [{ rank: 0, lastStep: 2, state: 'OK' }],
    });
    expect(run.summary).toContainEqual({ key: 'loss', last: 1 / 3, lastStep: 2, min: 1 / 3, max: 1, count: 3 });
    expect(run.series).toEqual([
      {
        key: 'loss',
        rank: 0,
        x: [0, 1, 2],
        min: [1, 0.5, 1 / 3],
        max: [1, 0.5, 1 / 3],
        first: [1, 0.5, 1 / 3],
        last: [1, 0.5, 1 / 3],
      },
    ]);
    // points are counted for whoever asks, in whatever way
    const { run: counted } = await gql(
      url,
      `query($id: ID!) { run(id: $id) { loss: series(keys: ["loss"], buckets: 1) { ...n } acc: series(keys: ["acc"], buckets: 1) { n: count } } }
       fragment n on Series { count }`,
      { id: 'first' },
    );
    expect(counted).toEqual({ loss: [{ count: [3] }], acc: [{ n: [3] }] });
    const sql = await fetch(`${url}/clickhouse`, {
      method: 'POST',
      body: "SELECT key, step, value FROM metrics WHERE run = 'first' AND key = 'loss' ORDER BY step FORMAT TSV",
    });
    expect(await sql.text()).toBe(`loss\t0\t1\nloss\t1\t0.5\nloss\t2\t${1 / 3}\n`);
  });

  it('can be written as the README says, and is seen by everybody who reads', async () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const [, type, body] = /v1\/events -H 'content-type: (\S+)' -d '([^']+)'/.exec(readme)!;
    const answer = await fetch(`${url}/v1/events`, { method: 'POST', headers: { 'content-type': type! }, body: body! });
    expect(answer.status).toBe(200);
    const { position } = (await answer.json()) as { position: string };
    const question = `query($at: String) { run(id: "my-run", at: $at) { summary { key last } } runs(project: "vision", at: $at) { totalCount } }`;
    expect(await gql(url, question, { at: position })).toEqual({
      run: { summary: [{ key: 'loss', last: 0.3 }] },
      runs: { totalCount: 1 },
    });
  });

  it('can be written with curl', async () => {
    const post = (type: string, body: unknown) =>
      fetch(`${url}/v1/events`, { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) }).then(
        async (response) => ({
          status: response.status,
          body: (await response.json()) as { results: Record<string, unknown>[]; position: string },
        }),
      );
    const start = await post('application/cloudevents+json', {
      type: 'runstream.RunStarted.v1',
      subject: 'curl',
      data: { project: 'hello', params: { lr: 0.5 } },
    });
    expect(start.status).toBe(200);
    const log = await post('application/cloudevents-batch+json', [
      { type: 'runstream.PointsLogged.v1', subject: 'curl', data: { step: 1, metrics: { loss: 0.25, odd: 'NaN' } } },
      { type: 'runstream.PointsLogged.v1', subject: 'curl', data: { step: 2, metrics: { loss: 'oops' } } },
      { type: 'runstream.NoteSet.v1', subject: 'curl', data: { text: 'by hand' } },
    ]);
    expect(log.status).toBe(200);
    expect(log.body.results).toMatchObject([
      { status: 'accepted' },
      { status: 'refused', code: 'INVALID_ARGUMENT', field: 'events[1].data.metrics.loss' },
      { status: 'accepted' },
    ]);
    const { run } = await gql(url, `query($at: String) { run(id: "curl", at: $at) { notes summary { key last } } }`, {
      at: log.body.position,
    });
    expect(run.notes).toBe('by hand');
    expect(run.summary).toEqual([
      { key: 'loss', last: 0.25 },
      { key: 'odd', last: 'NaN' },
    ]);
  });

  it('takes gzip and zstd bodies', async () => {
    const body = writeEventBatch([wireEvent(started('packed', 'hello'))]);
    const response = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip', accept: 'application/json' },
      body: gzipSync(body),
    });
    expect(await response.json()).toMatchObject({ results: [{ status: 'accepted' }] });
    const stored = Buffer.concat([Buffer.from('28b52ffd', 'hex'), zstdRaw(body)]);
    const zstd = await fetch(`${url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'zstd', accept: 'application/json' },
      body: stored,
    });
    expect(await zstd.json()).toMatchObject({ results: [{ status: 'accepted' }] });
  });

  it('is watched live, from the snapshot on', async () => {
    const { position } = await postEvents(url, [
      started('live', 'hello', writerOf('w', 1)),
      points('live', writerOf('w', 1), [block(['loss'], [0], () => 5)]),
    ]);
    await gql(url, '{ run(id: "live", at: "' + position + '") { id } }');
    const client = openSocket(url);
    const seen = new Map<number, unknown>();
    const frames = client.iterate<{ metricFrames: { frame: { series: { step: number[]; value: number[] }[] } } }>({
      query: 'subscription { metricFrames(run: "live", keys: ["loss"]) { cursor frame } }',
    });
    const watching = (async () => {
      for await (const { data } of frames) {
        for (const { step, value } of data!.metricFrames.frame.series) step.forEach((s, i) => seen.set(s, value[i]));
        if (seen.size === 21) return;
      }
    })();
    for (let step = 1; step <= 20; step++)
      await postEvents(url, [points('live', writerOf('w', step + 1), [block(['loss'], [step], () => step * 2)])]);
    await watching;
    expect(seen.get(0)).toBe(5);
    expect(seen.get(20)).toBe(40);
    await client.dispose();
  });

  it('announces what people change, and refuses what can not be', async () => {
    const client = openSocket(url);
    const changes = client.iterate<{ runChanged: { run: { name: string } } }>({
      query: 'subscription { runChanged(ids: ["live"]) { cursor run { id name } } }',
    });
    const first = changes.next();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { renameRun } = await gql(
      url,
      'mutation { renameRun(id: "live", name: "better") { run { name } error { code } position } }',
    );
    expect(renameRun).toMatchObject({ run: { name: 'better' }, error: null });
    expect((await first).value).toMatchObject({ data: { runChanged: { run: { name: 'better' } } } });
    const { noteRun } = await gql(url, 'mutation { noteRun(id: "no such run", text: "x") { error { code field } } }');
    expect(noteRun.error).toMatchObject({ code: 'INVALID_ARGUMENT', field: 'subject' });
    await client.dispose();
  });

  it('tells who begins to watch later all that an answer did not contain', async () => {
    const { position, runs } = await gql(url, '{ position runs(project: "later") { totalCount } }');
    expect(runs.totalCount).toBe(0);
    const { results } = await postEvents(url, [started('later', 'later', writerOf('later', 1))]);
    await gql(url, 'query($at: String) { run(id: "later", at: $at) { id } }', { at: results[0]!.position });
    const client = openSocket(url);
    const changes = client.iterate<{ runChanged: { run: { id: string } } }>({
      query: 'subscription($after: String) { runChanged(project: "later", after: $after) { cursor run { id } } }',
      variables: { after: position },
    });
    expect((await changes.next()).value).toMatchObject({ data: { runChanged: { run: { id: 'later' } } } });
    await client.dispose();
  });

  it('says which attempt a launch is, the same for a repeated event and for all ranks', async () => {
    const start = (rank: number, launch: string, id = newId()) =>
      postEvents(url, [
        {
          ...started(
            'attempts',
            'hello',
            { id: `w${rank}-${launch}`, attempt: 0, rank, seq: 1 },
            { launch, worldSize: 2 },
          ),
          id,
          reply: true,
        },
      ]);
    const id = newId();
    expect((await start(0, 'a', id)).results[0]).toMatchObject({ status: 'accepted', attempt: 1 });
    expect((await start(0, 'a', id)).results[0]).toMatchObject({ status: 'accepted', attempt: 1 });
    expect((await start(1, 'a')).results[0]).toMatchObject({ attempt: 1 });
    expect((await start(1, 'b')).results[0]).toMatchObject({ attempt: 2 });
    expect((await start(0, 'b')).results[0]).toMatchObject({ attempt: 2 });
  });

  it('is ready, and shows its own metrics', async () => {
    const ready = (await (await fetch(`${url}/readyz`)).json()) as {
      status: string;
      projections: { projection: string }[];
    };
    expect(ready.status).toBe('ready');
    expect(new Set(ready.projections.map(({ projection }) => projection))).toEqual(new Set(['runs', 'points']));
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('runstream_projection_lag_records');
  });
});

/** A zstd frame with one raw block: enough to prove the door reads zstd without an encoder at hand. */
function zstdRaw(body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header[0] = 0b1010_0000; // single segment, content size in 4 bytes
  header.writeUInt32LE(body.length, 1);
  const blockHeader = Buffer.alloc(3);
  blockHeader.writeUIntLE((body.length << 3) | 1, 0, 3);
  return Buffer.concat([header, blockHeader, body]);
}

import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gql, postEvents, started, writerOf, type TestEvent } from '../rigs/client.js';
import { openS3Rig, type S3Rig } from '../rigs/s3-rig.js';
import { openServerRig, type ServerRig } from '../rigs/server-rig.js';

let rig: ServerRig;
let url: string;

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const put = (digest: string, body: Uint8Array) => fetch(`${url}/${digest}`, { method: 'PUT', body: body as never });
const uploaded = async (id: string): Promise<number> =>
  Number((await fetch(`${url}/uploads/${id}`, { method: 'HEAD' })).headers.get('upload-offset'));
const patch = (id: string, offset: number, body: Uint8Array) =>
  fetch(`${url}/uploads/${id}`, {
    method: 'PATCH',
    headers: { 'upload-offset': String(offset) },
    body: body as never,
  });
const complete = (id: string, digest: string) =>
  fetch(`${url}/uploads/${id}/complete`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ digest }),
  });

/** Announces all of the body, sends a part of it, and cuts the connection. */
async function cutPatch(id: string, body: Uint8Array, sentBytes: number): Promise<void> {
  const sending = request(`${url}/uploads/${id}`, {
    method: 'PATCH',
    headers: { 'upload-offset': '0', 'content-length': body.length },
  });
  const ended = new Promise((resolve) => sending.on('error', resolve).on('close', resolve));
  await new Promise((resolve) => sending.write(body.subarray(0, sentBytes), resolve));
  // until the server has some of it: a connection cut before would prove nothing
  await expect.poll(() => uploaded(id)).toBeGreaterThan(0);
  sending.destroy();
  await ended;
}

describe.each(['a folder', 'S3'])('artifacts in %s', (place) => {
  let s3: S3Rig | null = null;
  beforeAll(async () => {
    const environment: Record<string, string> = {};
    if (place === 'S3') {
      s3 = await openS3Rig();
      const { bucket, accessKey, secretKey } = await s3.newBucket();
      environment['RUNSTREAM_ARTIFACTS'] = `s3://${bucket}/of/a/team?endpoint=${s3.endpoint}`;
      environment['RUNSTREAM_S3_ACCESS_KEY'] = accessKey;
      environment['RUNSTREAM_S3_SECRET_KEY'] = secretKey;
    }
    rig = await openServerRig(environment);
    url = `${rig.server.url}/v1/artifacts`;
  }, 900_000);
  afterAll(async () => {
    await rig?.close();
    await s3?.close();
  });

  it('are put whole, once, and read back whole, by the head and by ranges', async () => {
    const bytes = randomBytes(100_000);
    const digest = digestOf(bytes);
    for (let time = 0; time < 2; time++) {
      const stored = await put(digest, bytes);
      expect(stored.status).toBe(201);
      expect(await stored.json()).toEqual({ digest, sizeBytes: 100_000 });
    }
    const read = async (range?: string) => {
      const response = await fetch(`${url}/${digest}?name=my%20model.bin`, { headers: range ? { range } : {} });
      return { response, body: Buffer.from(await response.arrayBuffer()) };
    };
    const whole = await read();
    expect(whole.response.status).toBe(200);
    expect(whole.body.equals(bytes)).toBe(true);
    expect(whole.response.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''my%20model.bin");
    expect(whole.response.headers.get('x-content-type-options')).toBe('nosniff');
    for (const [range, start, end] of [
      ['bytes=0-9', 0, 10],
      ['bytes=99990-', 99_990, 100_000],
      ['bytes=-7', 99_993, 100_000],
      ['bytes=50000-999999', 50_000, 100_000],
    ] as const) {
      const { response, body } = await read(range);
      expect(response.status).toBe(206);
      expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/100000`);
      expect(body.equals(bytes.subarray(start, end))).toBe(true);
    }
    const beyond = await read('bytes=100000-');
    expect([beyond.response.status, beyond.response.headers.get('content-range')]).toEqual([416, 'bytes */100000']);
    const head = await fetch(`${url}/${digest}`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.headers.get('accept-ranges')]).toEqual([
      200,
      '100000',
      'bytes',
    ]);
    const missing = await fetch(`${url}/${digestOf(randomBytes(3))}`);
    expect([missing.status, ((await missing.json()) as { error: { code: string } }).error.code]).toEqual([
      404,
      'NOT_FOUND',
    ]);
  });

  it('may be empty', async () => {
    const digest = digestOf(new Uint8Array(0));
    expect((await put(digest, new Uint8Array(0))).status).toBe(201);
    const response = await fetch(`${url}/${digest}`);
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect((await fetch(`${url}/${digest}`, { headers: { range: 'bytes=0-' } })).status).toBe(416);
  });

  it('of another digest than announced are refused and not kept', async () => {
    const bytes = randomBytes(1_000);
    const wrong = digestOf(randomBytes(3));
    const refused = await put(wrong, bytes);
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain(digestOf(bytes));
    for (const digest of [wrong, digestOf(bytes)]) expect((await fetch(`${url}/${digest}`)).status).toBe(404);
    expect((await patch('torn', 0, bytes)).status).toBe(204);
    expect((await complete('torn', wrong)).status).toBe(400);
    expect((await fetch(`${url}/${wrong}`)).status).toBe(404);
    expect((await put('sha256:nonsense', bytes)).status).toBe(400);
  });

  it('go on where a cut connection left them, also after the server was killed', async () => {
    const bytes = randomBytes(20_000_000);
    const digest = digestOf(bytes);
    expect(await uploaded('big')).toBe(0);
    await cutPatch('big', bytes, 9_000_000);
    // S3 keeps pieces of 8 MiB while it runs
    const busy = await expect
      .poll(async () => (await patch('big', 5, bytes.subarray(5, 10))).status)
      .toBe(400)
      .then(() => uploaded('big'));
    expect(busy).toBeLessThanOrEqual(9_000_000);
    await rig.server.kill('SIGKILL');
    url = `${(await rig.start()).url}/v1/artifacts`;
    const kept = await uploaded('big');
    expect(kept).toBe(busy);
    const middle = await patch('big', kept, bytes.subarray(kept, 12_000_000));
    expect([middle.status, middle.headers.get('upload-offset')]).toEqual([204, '12000000']);
    expect((await patch('big', 12_000_000, bytes.subarray(12_000_000))).status).toBe(204);
    for (let time = 0; time < 2; time++) {
      // the answer to the first may have been lost
      const done = await complete('big', digest);
      expect(done.status).toBe(201);
      expect(await done.json()).toEqual({ digest, sizeBytes: 20_000_000 });
    }
    const read = await fetch(`${url}/${digest}`);
    expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true);
  });

  it('move straight to and from the store where clients can reach it', async () => {
    const bytes = randomBytes(100_000);
    const digest = digestOf(bytes);
    const asked = await fetch(`${url}/uploads/direct/url`, { method: 'POST' });
    if (place === 'a folder') {
      expect([asked.status, await asked.text()]).toEqual([404, expect.stringContaining('keeps artifacts in a folder')]);
      return;
    }
    const upload = (await asked.json()) as { method: string; url: string; expiresAt: number };
    expect(upload).toMatchObject({ method: 'PUT', url: expect.stringMatching(/^http/) as string });
    expect(upload.expiresAt).toBeGreaterThan(Date.now());
    expect((await fetch(upload.url, { method: 'PUT', body: bytes })).status).toBe(200);
    expect((await complete('direct', digest)).status).toBe(201);
    const download = (await (await fetch(`${url}/${digest}/url?name=model.pt`)).json()) as { url: string };
    const got = await fetch(download.url);
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    expect(got.headers.get('content-disposition')).toContain('model.pt');
    expect((await fetch(`${url}/${digestOf(randomBytes(3))}/url`)).status).toBe(404);
  });

  it("of MLflow's paths are read from the store itself where clients can reach it", async () => {
    const bytes = randomBytes(50_000);
    const door = `${rig.server.url}/api/2.0/mlflow-artifacts`;
    await fetch(`${door}/artifacts/7/some/model.bin`, { method: 'PUT', body: bytes });
    const asked = await fetch(`${door}/presigned/7/some/model.bin`);
    if (place === 'a folder') {
      expect([asked.status, await asked.json()]).toMatchObject([501, { error_code: 'NOT_IMPLEMENTED' }]);
      return;
    }
    const { url: address, file_size } = (await asked.json()) as { url: string; file_size: number };
    expect([address.startsWith(rig.server.url), file_size]).toEqual([false, bytes.length]);
    const part = await fetch(address, { headers: { range: 'bytes=1000-1999' } });
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(1_000, 2_000))).toBe(true);
    expect((await fetch(`${door}/presigned/7/some/none`)).status).toBe(404);
  });

  it('are known by who logged and who used them', async () => {
    const digest = digestOf(Buffer.from('a model'));
    const logged: TestEvent<'ArtifactLogged'> = {
      name: 'ArtifactLogged',
      subject: 'maker',
      writer: writerOf('w', 2),
      data: {
        name: 'models/best',
        type: 'model',
        digest,
        sizeBytes: 7,
        mime: 'text/plain',
        metadata: { epoch: '3' },
        step: 10,
        hasStep: true,
      },
    };
    const used: TestEvent<'ArtifactUsed'> = {
      name: 'ArtifactUsed',
      subject: 'user',
      writer: writerOf('w', 2),
      data: { digest, name: 'models/best', fromRun: 'maker' },
    };
    const { position } = await postEvents(rig.server.url, [
      started('maker', 'p', writerOf('w', 1)),
      started('user', 'p', writerOf('w', 1)),
      logged,
      logged,
      used,
    ]);
    const shown = await gql(
      rig.server.url,
      `query($at: String) {
        maker: run(id: "maker", at: $at) { artifacts { name type digest sizeBytes mime metadata { key value } step run url usedBy } }
        user: run(id: "user", at: $at) { artifacts { name } usedArtifacts { name digest } } }`,
      { at: position },
    );
    const { artifact } = await gql(
      rig.server.url,
      'query($digest: String!) { artifact(digest: $digest) { sizeBytes loggedBy usedBy } }',
      { digest },
    );
    expect(shown['maker'].artifacts).toEqual([
      {
        name: 'models/best',
        type: 'model',
        digest,
        sizeBytes: 7,
        mime: 'text/plain',
        metadata: [{ key: 'epoch', value: '3' }],
        step: 10,
        run: 'maker',
        url: `/v1/artifacts/${digest}?name=best`,
        usedBy: ['user'],
      },
    ]);
    expect(shown['user']).toEqual({ artifacts: [], usedArtifacts: [{ name: 'models/best', digest }] });
    expect(artifact).toEqual({ sizeBytes: 7, loggedBy: ['maker'], usedBy: ['user'] });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, startArtifactServer, type ArtifactServer } from './test/artifact-server.js';

const bytes = Buffer.from('0123456789'.repeat(20));
const digest = digestOf(bytes);
const nowMs = 1_700_000_000_000;

describe('the bytes of an artifact', () => {
  let server: ArtifactServer;
  let ask: ArtifactServer['ask'];
  beforeAll(async () => {
    server = await startArtifactServer();
    ({ ask } = server);
  });
  afterAll(() => server.close());
  const append = (id: string, offset: number | string, body: Buffer) =>
    ask(`uploads/${id}`, { method: 'PATCH', body }, { 'upload-offset': String(offset) });
  const complete = (id: string, body: string) => ask(`uploads/${id}/complete`, { method: 'POST', body });
  const error = async (answer: Response) => ({ status: answer.status, ...((await answer.json()) as object) });

  it('are sent in pieces: each is answered with how much is kept, and the whole with what it is', async () => {
    const begun = await ask('uploads/u', { method: 'HEAD' });
    expect([begun.status, begun.headers.get('upload-offset'), begun.headers.get('cache-control')]).toEqual([
      200,
      '0',
      'no-store',
    ]);
    const first = await append('u', 0, bytes.subarray(0, 50));
    expect([first.status, first.headers.get('upload-offset')]).toEqual([204, '50']);
    const again = await append('u', 0, bytes);
    expect(await error(again)).toMatchObject({ status: 400, error: { field: 'offset' } });
    expect((await append('u', 50, bytes.subarray(50))).headers.get('upload-offset')).toBe('200');
    const completed = await complete('u', JSON.stringify({ digest }));
    expect([completed.status, await completed.json()]).toEqual([201, { digest, sizeBytes: bytes.length }]);
    expect(Buffer.from(await (await ask(digest)).arrayBuffer()).equals(bytes)).toBe(true);
  });

  it.each(['1x', 'x1', '99999999999999999999', '+1'])('are not appended at "%s"', async (offset) => {
    expect(await error(await append('v', offset, bytes))).toMatchObject({
      status: 400,
      error: { code: 'INVALID_ARGUMENT', field: 'upload-offset' },
    });
    const unsaid = await ask('uploads/v', { method: 'PATCH', body: bytes });
    expect(await error(unsaid)).toMatchObject({ status: 400, error: { field: 'upload-offset' } });
    expect(await server.store.uploadedBytes('v')).toBe(0);
  });

  it.each(['null', '{}', '{"digest": 1}', '[]'])('are not completed by %s', async (body) => {
    expect(await error(await complete('u', body))).toMatchObject({
      status: 400,
      error: { code: 'INVALID_ARGUMENT', field: 'digest' },
    });
  });

  it('must have the length that was said of them', async () => {
    const answer = await ask(digestOf(Buffer.from('other')), { method: 'PUT', body: bytes });
    expect(await error(answer)).toMatchObject({ status: 400, error: { field: 'digest' } });
    expect((await ask(digest, { method: 'PUT', body: bytes })).status).toBe(201);
    const streamed = new ReadableStream({ start: (to) => (to.enqueue(bytes), to.close()) });
    expect((await ask(digest, { method: 'PUT', body: streamed, duplex: 'half' } as RequestInit)).status).toBe(201);
  });

  it('are told by their head without being sent, in whatever part', async () => {
    await ask(digest, { method: 'PUT', body: bytes });
    for (const [range, status, length, content] of [
      [undefined, 200, '200', null],
      ['bytes=10-19', 206, '10', 'bytes 10-19/200'],
      ['bytes=150-999', 206, '50', 'bytes 150-199/200'],
      ['bytes=200-', 416, '0', 'bytes */200'],
    ] as const)
      for (const method of ['GET', 'HEAD']) {
        const answer = await ask(digest, { method }, range ? { range } : {});
        const { headers } = answer;
        expect([answer.status, headers.get('content-range')], `${method} ${range}`).toEqual([status, content]);
        if (status !== 416 || method === 'GET') expect(headers.get('content-length')).toBe(length);
        expect([headers.get('accept-ranges'), headers.get('etag')]).toEqual(['bytes', `"${digest}"`]);
        const sent = Buffer.from(await answer.arrayBuffer());
        expect(sent.length).toBe(method === 'HEAD' ? 0 : Number(length));
      }
  });

  it('are not there under a digest that nobody has stored', async () => {
    const missing = digestOf(Buffer.from('missing'));
    expect(await error(await ask(missing))).toMatchObject({
      status: 404,
      error: { code: 'NOT_FOUND', field: 'digest' },
    });
    expect((await ask(missing, { method: 'HEAD' })).status).toBe(404);
  });

  it('of a folder have no addresses past the server', async () => {
    for (const [path, method] of [['uploads/u/url', 'POST'], [`${digest}/url`, 'GET']] as const)
      expect(await error(await ask(path, { method }))).toMatchObject({
        status: 404,
        error: { message: expect.stringContaining('send and get the bytes through it') as string },
      }); // prettier-ignore
  });

  it('of a store with addresses have some for a quarter of an hour, named as asked', async () => {
    const linked = await startArtifactServer({
      clock: () => nowMs,
      links: {
        upload: (id, goodForS) => Promise.resolve(`https://store/${id}?s=${goodForS}`),
        download: (of, goodForS, name) => Promise.resolve(`https://store/${of.slice(7, 11)}/${name}?s=${goodForS}`),
      },
    });
    try {
      const expiresAt = nowMs + 900_000;
      const upload = await linked.ask('uploads/u/url', { method: 'POST' });
      expect(upload.headers.get('cache-control')).toBe('no-store');
      expect(await upload.json()).toEqual({ method: 'PUT', url: 'https://store/u?s=900', expiresAt });
      const start = digest.slice(7, 11);
      const download = async (query: string) => (await linked.ask(`${digest}/url${query}`)).json();
      expect(await download('?name=a.bin')).toEqual({ method: 'GET', url: `https://store/${start}/a.bin?s=900`, expiresAt }); // prettier-ignore
      expect(await download('')).toMatchObject({ url: `https://store/${start}/${digest.slice(7, 19)}?s=900` });
    } finally {
      await linked.close();
    }
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArtifactStore } from '#libs/artifacts/artifact-store.js';
import { digestOf, startArtifactServer, type ArtifactServer } from './test/artifact-server.js';

const friend = 'https://grafana.example.com';
const page = Buffer.from('<script>alert(document.domain)</script>');
const digest = digestOf(page);

describe('an artifact that is a web page', () => {
  let server: ArtifactServer;
  let url: string;
  let store: ArtifactStore;
  let ask: ArtifactServer['ask'];
  beforeAll(async () => {
    server = await startArtifactServer({ origins: [friend] });
    ({ url, store, ask } = server);
  });
  afterAll(() => server.close());
  const put = () => ask(digest, { method: 'PUT', body: page }, { 'content-type': 'text/html' });

  it('is stored, and given back whole, in part, or by its head', async () => {
    const stored = await put();
    expect([stored.status, stored.headers.get('etag'), await stored.json()]).toEqual([
      201,
      `"${digest}"`,
      { digest, sizeBytes: page.length },
    ]);
    expect(Buffer.from(await (await ask(digest)).arrayBuffer()).equals(page)).toBe(true);
    const part = await ask(digest, {}, { range: 'bytes=1-6' });
    expect([part.status, await part.text()]).toEqual([206, 'script']);
    const head = await ask(digest, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(page.length)]);
  });

  it('is never shown as one: bytes to be saved, of no other type, without rights, whatever it is called', async () => {
    await put();
    for (const path of [digest, `${digest}?name=index.html`])
      for (const [method, range] of [
        ['GET', undefined],
        ['GET', 'bytes=0-9'],
        ['GET', 'bytes=999-'],
        ['HEAD', undefined],
      ] as const) {
        const { headers } = await ask(path, { method }, range ? { range } : {});
        expect(headers.get('content-type')).toBe('application/octet-stream');
        expect(headers.get('content-disposition')).toMatch(
          /^attachment; filename\*=UTF-8''(index\.html|[0-9a-f]{12})$/,
        );
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox; frame-ancestors 'none'");
        expect(headers.get('cache-control')).toMatch(/private/);
      }
  });

  it('is named as asked, and the name writes no header', async () => {
    await put();
    const { headers } = await ask(`${digest}?name=${encodeURIComponent('ü"\r\nset-cookie: a=b')}`);
    expect(headers.get('content-disposition')).toBe(
      "attachment; filename*=UTF-8''%C3%BC%22%0D%0Aset-cookie%3A%20a%3Db",
    );
    expect(headers.get('set-cookie')).toBeNull();
  });

  it('is refused above the bound, whether its length is said or not, and nothing of it is kept', async () => {
    const long = Buffer.alloc(1_001);
    const longDigest = digestOf(long);
    const said = await ask(longDigest, { method: 'PUT', body: long });
    const body = new ReadableStream({ start: (to) => (to.enqueue(long), to.close()) });
    const unsaid = await ask(longDigest, { method: 'PUT', body, duplex: 'half' } as RequestInit);
    expect([said.status, unsaid.status]).toEqual([413, 413]);
    expect(await store.stat(longDigest)).toBeNull();
    for (const offset of ['', '-1', '1.5', 'x'])
      expect((await ask('uploads/u', { method: 'PATCH', body: page }, { 'upload-offset': offset })).status).toBe(400);
    const patch = (offset: number, bytes: Buffer) =>
      ask('uploads/u', { method: 'PATCH', body: bytes }, { 'upload-offset': String(offset) });
    expect((await patch(0, long.subarray(0, 900))).status).toBe(204);
    expect((await patch(900, long.subarray(0, 101))).status).toBe(413);
    expect((await ask('uploads/u', { method: 'HEAD' })).headers.get('upload-offset')).toBe('900');
  });

  it('is given to nobody without a key, and to no page of another site', async () => {
    await put();
    for (const authorization of ['', 'Bearer nonsense', `Bearer ${server.key}x`])
      expect((await ask(digest, {}, { authorization })).status).toBe(401);
    for (const foreign of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
      for (const [method, path] of [
        ['GET', digest],
        ['PUT', digest],
        ['PATCH', 'uploads/u'],
        ['OPTIONS', digest],
      ] as const) {
        const answer = await ask(path, { method, ...(method.startsWith('P') ? { body: page } : {}) }, foreign);
        expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null]);
        expect(await answer.json()).toMatchObject({ error: { code: 'FORBIDDEN' } });
      }
  });

  it('is given to a page that is listed, which asks without a key whether it may', async () => {
    await put();
    const may = await fetch(`${url}/${digest}`, { method: 'OPTIONS', headers: { origin: friend } });
    expect([may.status, may.headers.get('access-control-allow-origin'), may.headers.get('vary')]).toEqual([
      204,
      friend,
      'origin',
    ]);
    expect((await fetch(`${url}/${digest}`, { headers: { origin: friend } })).status).toBe(401);
    expect((await ask(digest, {}, { origin: friend })).status).toBe(200);
  });
});

import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { objectBody } from './s3-body.js';

const text = 'Hello, world: a body in chunks.';
/** As AWS's clients send a body whose checksum they know at its end only. */
const crc = 'KkPK7A==';
const chunked = (trailer = `x-amz-checksum-crc32:${crc}\r\n`): string =>
  `a\r\n${text.slice(0, 10)}\r\n15;chunk-signature=ab\r\n${text.slice(10)}\r\n0\r\n${trailer}\r\n`;
const streamed = {
  'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'x-amz-trailer': 'x-amz-checksum-crc32',
  'x-amz-decoded-content-length': String(text.length),
};

function read(body: string, headers: Readonly<Record<string, string>>, pieceBytes = 7): Promise<Buffer> {
  const bytes = Buffer.from(body);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  const raw = Object.assign(Readable.from(pieces), { headers });
  return buffer(objectBody({ raw, headers } as unknown as FastifyRequest, 1_000));
}

describe('the body of an object', () => {
  it.each([1, 2, 3, 5, 7, 11, 1_000])('comes out of its chunks in pieces of %i bytes', async (pieceBytes) => {
    expect((await read(chunked(), streamed, pieceBytes)).toString()).toBe(text);
  });

  it('is as it is where it has no chunks', async () => {
    expect((await read(chunked(), {})).toString()).toBe(chunked());
    expect((await read(text, { 'x-amz-checksum-crc32': crc })).toString()).toBe(text);
    expect((await read('', { 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' })).length).toBe(0);
  });

  it('is refused where a checksum or the length is another', async () => {
    await expect(read(text, { 'x-amz-checksum-crc32': 'AAAAAA==' })).rejects.toMatchObject({ code: 'BadDigest' });
    await expect(read(text, { 'x-amz-checksum-sha256': 'AAAA' })).rejects.toMatchObject({ code: 'BadDigest' });
    await expect(read(text, { 'content-md5': 'AAAA' })).rejects.toMatchObject({ code: 'BadDigest' });
    const other = chunked('x-amz-checksum-crc32:AAAAAA==\r\n');
    await expect(read(other, streamed)).rejects.toMatchObject({ code: 'BadDigest' });
    const longer = { ...streamed, 'x-amz-decoded-content-length': '99' };
    await expect(read(chunked(), longer)).rejects.toMatchObject({ code: 'IncompleteBody' });
  });

  it.each(['', 'a\r\nshort', 'z\r\n', `3\r\nabcd\r\n0\r\n\r\n`, chunked().slice(0, 40), 'a'.repeat(9_000)])(
    'is refused where its chunks are torn',
    async (torn) => {
      const rest = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' };
      await expect(read(torn.slice(0, 900), rest)).rejects.toMatchObject({ code: 'IncompleteBody' });
    },
  );

  it('may not be larger than an artifact', async () => {
    await expect(read('x'.repeat(1_001), {})).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });
});

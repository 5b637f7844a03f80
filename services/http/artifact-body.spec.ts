import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { artifactBody } from './artifact-body.js';

function sent(headers: Record<string, string>, ...chunks: readonly string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request.headers, headers);
  for (const chunk of chunks) request.push(Buffer.from(chunk));
  request.complete = true;
  request.push(null);
  return request;
}
async function read(request: IncomingMessage, bytesMax: number, offset?: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of artifactBody(request, bytesMax, offset)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
const tooLarge: unknown = expect.objectContaining({ name: 'Rejection', code: 'TOO_LARGE' });

describe('the bytes of an artifact', () => {
  it('come as they were sent, up to the bound, what is kept already counted', async () => {
    expect(await read(sent({}, 'abc', 'de'), 5)).toBe('abcde');
    expect(await read(sent({ 'content-length': '2' }, 'de'), 5, 3)).toBe('de');
    await expect(read(sent({}, 'abc', 'def'), 5)).rejects.toEqual(tooLarge);
    await expect(read(sent({}, 'def'), 5, 3)).rejects.toEqual(tooLarge);
  });

  it('are not even begun when their length is too much', () => {
    expect(() => artifactBody(sent({ 'content-length': '6' }, 'a'), 5)).toThrow(tooLarge as Error);
    expect(() => artifactBody(sent({ 'content-length': '3' }, 'a'), 5, 3)).toThrow(tooLarge as Error);
  });
});

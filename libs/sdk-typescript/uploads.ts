import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const wholeBytesMax = 8 * 1024 * 1024;
const pieceBytes = 8 * 1024 * 1024;

/** The server does not want it; asking again is useless. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export async function upload(
  url: string,
  headers: Record<string, string>,
  path: string,
  uploadId: string,
): Promise<{ digest: string; sizeBytes: number }> {
  const { digest, sizeBytes } = await digestOf(path);
  const ask = async (
    method: string,
    place: string,
    body: Uint8Array | string | null,
    more: Record<string, string> = {},
  ): Promise<Response> =>
    fetch(`${url}/v1/artifacts/${place}`, {
      method,
      headers: { ...headers, ...more },
      body: body as never,
      signal: AbortSignal.timeout(120_000),
    });
  if ((await ask('HEAD', digest, null)).status === 200) return { digest, sizeBytes };
  const file = await open(path, 'r');
  try {
    if (sizeBytes <= wholeBytesMax) {
      await check(await ask('PUT', digest, await file.readFile(), { 'content-type': 'application/octet-stream' }));
      return { digest, sizeBytes };
    }
    const place = `uploads/${uploadId}`;
    const offsetOf = (response: Response): number => Number(response.headers.get('upload-offset') ?? 0);
    let offset = offsetOf(await check(await ask('HEAD', place, null)));
    while (offset < sizeBytes) {
      const piece = Buffer.alloc(Math.min(pieceBytes, sizeBytes - offset));
      await file.read(piece, 0, piece.length, offset);
      const type = 'application/offset+octet-stream';
      offset = offsetOf(
        await check(await ask('PATCH', place, piece, { 'upload-offset': String(offset), 'content-type': type })),
      );
    }
    await check(
      await ask('POST', `${place}/complete`, JSON.stringify({ digest }), { 'content-type': 'application/json' }),
    );
    return { digest, sizeBytes };
  } finally {
    await file.close();
  }
}

async function check(response: Response): Promise<Response> {
  if (response.ok) return response;
  const text = `${response.status} ${(await response.text()).slice(0, 300)}`;
  if ([400, 404, 413, 422].includes(response.status)) throw new Refused(text);
  throw new Error(text);
}

async function digestOf(path: string): Promise<{ digest: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

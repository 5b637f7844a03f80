import { createHash } from 'node:crypto';
import { createReadStream, existsSync, unlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ArtifactItem } from './batches.js';
import type { Message } from './wire.js';
import type { Answer, HttpClient } from './http-client.js';
import { sizeOf } from './kept-files.js';

const wholeBytesMax = 8 * 1024 * 1024;
const pieceBytes = 8 * 1024 * 1024;
const changesMax = 3;

/** The server does not want it; asking again is useless. */
export class Refused extends Error {
  override readonly name = 'Refused';
}
/** Other bytes than a moment ago. */
class Changed extends Error {
  override readonly name = 'Changed';
}

/** Copies lie in the spool, wherever that has been carried to. */
export function pathOf(folder: string, item: ArtifactItem): string {
  const path = resolve(folder, item.path);
  return item.copied && !existsSync(path) ? join(folder, basename(item.path)) : path;
}

export function forgetFile(folder: string, item: ArtifactItem): void {
  const path = pathOf(folder, item);
  if (item.copied && existsSync(path)) unlinkSync(path);
}

export interface Stored {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** What is to be said of the file once it is there. Throws Refused when it can't ever be delivered, else what keeps the server away. */
export async function upload(
  client: HttpClient,
  folder: string,
  item: ArtifactItem,
  uploadId: string,
): Promise<Message> {
  const { name, type, metadata, step } = item;
  const path = pathOf(folder, item);
  try {
    sizeOf(path);
  } catch (error) {
    throw new Refused((error as Error).message);
  }
  for (let changes = 0; ; changes++) {
    try {
      const stored = await send(client, path, item.sizeBytes, changes === 0 ? uploadId : `${uploadId}-${changes}`);
      return { name, type, metadata, step: step ?? 0, hasStep: step !== null, ...stored };
    } catch (error) {
      if (!(error instanceof Changed)) throw error;
      if (changes >= changesMax) throw new Refused(error.message);
    }
  }
}

async function send(client: HttpClient, path: string, asked: number | undefined, uploadId: string): Promise<Stored> {
  const { digest, sizeBytes } = await digestOf(path, asked);
  const ask = (
    method: string,
    place: string,
    body: Uint8Array | string | null = null,
    headers: Record<string, string> = {},
  ): Promise<Answer> => client.request(method, `/v1/artifacts/${place}`, body, headers);
  if ((await ask('HEAD', digest)).status === 200) return { digest, sizeBytes };
  const file = await open(path, 'r');
  try {
    if (sizeBytes <= wholeBytesMax) {
      const content = Buffer.alloc(sizeBytes);
      if (sizeBytes > 0) await file.read(content, 0, sizeBytes, 0);
      if (hexOf(content) !== digest) throw new Changed('it changes while it is read');
      check(await ask('PUT', digest, content, { 'content-type': 'application/octet-stream' }));
      return { digest, sizeBytes };
    }
    const place = `uploads/${uploadId}`;
    const offsetOf = (answer: Answer): number => Number(answer.headers['upload-offset'] ?? 0);
    let offset = offsetOf(check(await ask('HEAD', place)));
    while (offset < sizeBytes) {
      const piece = Buffer.alloc(Math.min(pieceBytes, sizeBytes - offset));
      const { bytesRead } = await file.read(piece, 0, piece.length, offset);
      if (bytesRead < piece.length) throw new Changed('it became shorter while it was read');
      const type = 'application/offset+octet-stream';
      offset = offsetOf(
        check(await ask('PATCH', place, piece, { 'upload-offset': String(offset), 'content-type': type })),
      );
    }
    const done = await ask('POST', `${place}/complete`, JSON.stringify({ digest }), {
      'content-type': 'application/json',
    });
    if (done.status >= 400 && (await digestOf(path, asked)).digest !== digest)
      throw new Changed('it changes while it is read');
    check(done);
    return { digest, sizeBytes };
  } finally {
    await file.close();
  }
}

function check(answer: Answer): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const text = `${answer.status} ${answer.body.toString('utf8').slice(0, 300)}`;
  if ([400, 404, 413, 422].includes(answer.status)) throw new Refused(text);
  throw new Error(text);
}

const hexOf = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** Of the first `asked` bytes: a file that grows is uploaded as it was. */
async function digestOf(path: string, asked: number | undefined): Promise<Stored> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  if (asked !== 0) {
    const options = asked === undefined ? {} : { end: asked - 1 };
    for await (const chunk of createReadStream(path, options) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
  }
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
}

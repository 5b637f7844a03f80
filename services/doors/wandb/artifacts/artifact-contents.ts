import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Rejection } from '#libs/domain/rejection.js';
import type { StoredFile } from '#libs/runs/tracking-tables.js';
import type { World } from '../world.js';
import { isHexMd5, worldFor } from './artifact-names.js';

/** What the files of artifacts are known by: which bytes have an MD5 is said in the log when they have been seen to have it. */
const subject = 'wandb-objects';

/** Those of these MD5s whose bytes are here. */
export async function knownContents(world: World, md5s: readonly string[]): Promise<ReadonlyMap<string, StoredFile>> {
  if (md5s.length === 0) return new Map();
  await world.log.subjectsSettled([subject]);
  const files = await world.backend.tracking.files.some(worldFor('objects', world.name), [...new Set(md5s)]);
  return new Map(files.map((file) => [file.path, file]));
}

/** Keeps the bytes; refuses those that are not what their client says they are. */
export async function putContent(
  world: World,
  md5: string,
  bytes: Readable,
  sizeBytes: number | null,
): Promise<StoredFile> {
  if (!isHexMd5(md5)) throw new Rejection('INVALID_ARGUMENT', 'md5: must be 32 hex digits', 'md5');
  const hash = createHash('md5');
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const body = Readable.from(hashed(), { objectMode: false });
  const stat = await world.backend.artifactStore.put(body, sizeBytes === null ? undefined : { sizeBytes });
  const actual = hash.digest('hex');
  if (actual !== md5)
    throw new Rejection('INVALID_ARGUMENT', `md5: the bytes have ${actual}, not ${md5}; send them again`, 'md5');
  const file = { path: md5, ...stat, mime: 'application/octet-stream' };
  await world.log.tell({
    name: 'FileStored',
    subject,
    data: { world: worldFor('objects', world.name), ...file, artifact: '' },
  });
  return file;
}

export async function readBytes(world: World, digest: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await world.backend.artifactStore.get(digest)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

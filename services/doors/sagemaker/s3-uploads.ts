import { Readable } from 'node:stream';
import { z } from 'zod';
import { AwsError } from '../../http/aws-error.js';
import { etagOf, putObject, type Place } from './s3-objects.js';
import type { SageMakerWorld } from './world.js';

const begun = z.object({ bucket: z.string(), key: z.string(), mime: z.string() });
const part = z.object({ number: z.number(), digest: z.string(), sizeBytes: z.number() });
const partsMax = 10_000;
const noUpload = (): AwsError => new AwsError('NoSuchUpload', 'The specified upload does not exist.', 404);

export async function beginUpload(world: SageMakerWorld, { bucket, key }: Place, mime: string): Promise<string> {
  const id = world.backend.newId();
  await world.records.put(`uploads/${id}`, { bucket, key, mime });
  return id;
}

async function uploadOf(world: SageMakerWorld, id: string, { bucket, key }: Place): Promise<z.infer<typeof begun>> {
  const upload = /^[\w-]{1,80}$/.test(id) ? await world.records.get(begun, `uploads/${id}`) : null;
  if (upload?.bucket !== bucket || upload.key !== key) throw noUpload();
  return upload;
}
const pathOf = (id: string, number: number): string => `upload-parts/${id}/${String(number).padStart(5, '0')}`;

export async function putPart(
  world: SageMakerWorld,
  place: Place,
  id: string,
  number: number,
  bytes: Readable,
): Promise<string> {
  if (!Number.isInteger(number) || number < 1 || number > partsMax)
    throw new AwsError('InvalidArgument', `Part number must be an integer between 1 and ${partsMax}, inclusive`);
  await uploadOf(world, id, place);
  const stat = await world.backend.artifactStore.put(bytes);
  await world.records.put(pathOf(id, number), { number, ...stat });
  return etagOf(stat.digest);
}

export interface NamedPart {
  readonly number: number;
  readonly etag: string;
}

/** The parts one after the other are the object. */
export async function completeUpload(
  world: SageMakerWorld,
  place: Place,
  id: string,
  named: readonly NamedPart[],
): Promise<string> {
  const { mime } = await uploadOf(world, id, place);
  const known = new Map((await world.records.list(part, `upload-parts/${id}`)).map((each) => [each.number, each]));
  if (named.length === 0) throw new AwsError('MalformedXML', 'You must specify at least one part');
  const digests = named.map(({ number, etag }, i) => {
    const found = known.get(number);
    if (!found || etagOf(found.digest).replaceAll('"', '') !== etag.replaceAll('"', ''))
      throw new AwsError('InvalidPart', `One or more of the specified parts could not be found: ${number}`);
    if (i > 0 && number <= named[i - 1]!.number)
      throw new AwsError('InvalidPartOrder', 'The list of parts was not in ascending order.');
    return found.digest;
  });
  async function* bytes(): AsyncGenerator<Buffer> {
    for (const digest of digests) yield* (await world.backend.artifactStore.get(digest)) as AsyncIterable<Buffer>;
  }
  const etag = await putObject(world, place, Readable.from(bytes(), { objectMode: false }), mime);
  await forget(world, id, [...known.keys()]);
  return etag;
}

export async function abortUpload(world: SageMakerWorld, place: Place, id: string): Promise<void> {
  await uploadOf(world, id, place);
  await forget(
    world,
    id,
    (await world.records.list(part, `upload-parts/${id}`)).map(({ number }) => number),
  );
}
async function forget(world: SageMakerWorld, id: string, parts: readonly number[]): Promise<void> {
  for (const number of parts) await world.records.remove(pathOf(id, number));
  await world.records.remove(`uploads/${id}`);
}

import { Readable } from 'node:stream';
import type { StoredFile } from '#libs/runs/tracking-tables.js';
import { AwsError } from '../../http/aws-error.js';
import { mimeOf } from '../shared/mime.js';
import { tellChart } from './charts.js';
import { findComponent } from './components.js';
import type { SageMakerWorld } from './world.js';

/** What S3 calls a bucket and an object: files by path in a world of their own; which bytes are there the artifact store knows. */
const subject = 'sagemaker-objects';
export interface Place {
  readonly bucket: string;
  readonly key: string;
}
export const objectsOf = ({ name }: SageMakerWorld): string => `s3.${name}`.slice(0, 64);
const bucketsOf = ({ name }: SageMakerWorld): string => `s3-buckets.${name}`.slice(0, 64);
const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export const noBucket = (bucket: string): AwsError =>
  new AwsError('NoSuchBucket', `The specified bucket does not exist: ${bucket}`, 404);
const noKey = (): AwsError => new AwsError('NoSuchKey', 'The specified key does not exist.', 404);
/** Bytes are known by their digest; the dash says that it is not their MD5. */
export const etagOf = (digest: string): string => `"${digest.slice(7, 39)}-1"`;

export function checkBucket(bucket: string): string {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new AwsError('InvalidBucketName', `The specified bucket is not valid: ${bucket.slice(0, 100)}`);
  return bucket;
}
export function checkKey(key: string): string {
  if (Buffer.byteLength(key) > 1_024) throw new AwsError('KeyTooLongError', 'Your key is too long');
  if (/[\u0000-\u001f\u007f]|\p{Surrogate}/u.test(key))
    throw new AwsError('InvalidArgument', 'Keys with control characters are not kept here.');
  return key;
}

export async function buckets(world: SageMakerWorld): Promise<readonly string[]> {
  await world.log.subjectsSettled([subject]);
  return (await world.backend.tracking.files.list(bucketsOf(world), '')).map(({ name }) => name);
}
export async function needBucket(world: SageMakerWorld, bucket: string): Promise<void> {
  await world.log.subjectsSettled([subject]);
  if (!(await world.backend.tracking.files.file(bucketsOf(world), checkBucket(bucket)))) throw noBucket(bucket);
}
export async function createBucket(world: SageMakerWorld, bucket: string): Promise<void> {
  await world.backend.artifactStore.put(Readable.from([]));
  const data = {
    world: bucketsOf(world),
    path: checkBucket(bucket),
    digest: empty,
    sizeBytes: 0,
    mime: '',
    artifact: '',
  };
  await world.log.tell({ name: 'FileStored', subject, data });
}
export async function deleteBucket(world: SageMakerWorld, bucket: string): Promise<void> {
  await needBucket(world, bucket);
  if ((await objects(world, bucket)).length > 0)
    throw new AwsError('BucketNotEmpty', 'The bucket you tried to delete is not empty', 409);
  await world.log.tell({ name: 'FileRemoved', subject, data: { world: bucketsOf(world), path: bucket, artifact: '' } });
}

/** Whose file an object is: what a Run uploads is an artifact of its run. */
async function ownerOf(
  world: SageMakerWorld,
  key: string,
): Promise<{ readonly subject: string; readonly artifact: string }> {
  const [, component, file] = /(?:^|\/)trial-component-artifacts\/([^/]+)\/(.+)$/s.exec(key) ?? [];
  if (component === undefined || file === undefined) return { subject, artifact: '' };
  try {
    return { subject: (await findComponent(world, component)).state.id, artifact: file };
  } catch (error) {
    if (error instanceof AwsError) return { subject, artifact: '' };
    throw error;
  }
}

export async function putObject(
  world: SageMakerWorld,
  { bucket, key }: Place,
  bytes: Readable,
  mime: string,
): Promise<string> {
  const stat = await world.backend.artifactStore.put(bytes);
  const owner = await ownerOf(world, key);
  const data = {
    world: objectsOf(world),
    path: `${bucket}/${checkKey(key)}`,
    ...stat,
    mime: (mime || mimeOf(key)).slice(0, 500),
    artifact: owner.artifact,
  };
  await world.log.tell({ name: 'FileStored', subject: owner.subject, data });
  if (owner.artifact !== '') await tellChart(world, owner.subject, owner.artifact, stat);
  return etagOf(stat.digest);
}

/** Also one that lies with its run: who owns an object is told by its key. */
async function settled(world: SageMakerWorld, key: string): Promise<void> {
  await world.log.subjectsSettled([subject, (await ownerOf(world, key)).subject]);
}

export async function findObject(world: SageMakerWorld, { bucket, key }: Place): Promise<StoredFile> {
  await needBucket(world, bucket);
  await settled(world, key);
  const file = await world.backend.tracking.files.file(objectsOf(world), `${bucket}/${checkKey(key)}`);
  if (!file) throw noKey();
  return file;
}

/** What is not there is gone already. */
export async function deleteObject(world: SageMakerWorld, { bucket, key }: Place): Promise<void> {
  const owner = await ownerOf(world, key);
  const data = { world: objectsOf(world), path: `${bucket}/${checkKey(key)}`, artifact: owner.artifact };
  await world.log.tell({ name: 'FileRemoved', subject: owner.subject, data });
}

/** By key, in the order of their bytes. */
export async function objects(
  world: SageMakerWorld,
  bucket: string,
): Promise<readonly (StoredFile & { readonly key: string })[]> {
  await world.log.settled();
  const files = await world.backend.tracking.files.below(objectsOf(world), bucket);
  return files
    .filter(({ path }) => path.startsWith(`${bucket}/`))
    .map((file) => ({ ...file, key: file.path.slice(bucket.length + 1) }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

import { Readable } from 'node:stream';
import type { StoredFile } from '#libs/runs/tracking-tables.js';
import { AwsError } from '../../http/aws-error.js';
import { checkPath, keepFile, ownerOf } from '../mlflow/artifacts.js';
import { MlflowError } from '../mlflow/mlflow-error.js';
import { tenantOfBucket } from '../mlflow/sagemaker-bucket.js';
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
  if (tenantOfBucket(bucket) !== null) return bucket;
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
  if (tenantOfBucket(bucket) !== null) return;
  await world.log.subjectsSettled([subject]);
  if (!(await world.backend.tracking.files.file(bucketsOf(world), checkBucket(bucket)))) throw noBucket(bucket);
}
export async function createBucket(world: SageMakerWorld, bucket: string): Promise<void> {
  if (tenantOfBucket(bucket) !== null)
    throw new AwsError('BucketAlreadyOwnedByYou', 'This bucket is always there: it holds the files of MLflow.', 409);
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
  if (tenantOfBucket(bucket) !== null)
    throw new AwsError('AccessDenied', 'This bucket is always there: it holds the files of MLflow.', 403);
  await needBucket(world, bucket);
  if ((await objects(world, bucket)).length > 0)
    throw new AwsError('BucketNotEmpty', 'The bucket you tried to delete is not empty', 409);
  await world.log.tell({ name: 'FileRemoved', subject, data: { world: bucketsOf(world), path: bucket, artifact: '' } });
}

/** Where an object's file is filed, and whose it is: what a Run uploads is an artifact of its run. */
interface Filed {
  readonly files: string;
  readonly path: string;
  readonly subject: string;
  readonly artifact: string;
}
async function filedAt(world: SageMakerWorld, { bucket, key }: Place): Promise<Filed> {
  if (tenantOfBucket(bucket) !== null) return { files: world.name, path: mlflowPath(key), ...ownerOf(key) };
  const plain = { files: objectsOf(world), path: `${bucket}/${checkKey(key)}`, subject, artifact: '' };
  const [, component, file] = /(?:^|\/)trial-component-artifacts\/([^/]+)\/(.+)$/s.exec(key) ?? [];
  if (component === undefined || file === undefined) return plain;
  try {
    return { ...plain, subject: (await findComponent(world, component)).state.id, artifact: file };
  } catch (error) {
    if (error instanceof AwsError) return plain;
    throw error;
  }
}
function mlflowPath(key: string): string {
  try {
    return checkPath(checkKey(key));
  } catch (error) {
    if (error instanceof MlflowError)
      throw new AwsError('InvalidArgument', `The key is no path of a file: ${error.message}`);
    throw error;
  }
}

export async function putObject(world: SageMakerWorld, place: Place, bytes: Readable, mime: string): Promise<string> {
  const filed = await filedAt(world, place);
  const stat = await world.backend.artifactStore.put(bytes);
  if (tenantOfBucket(place.bucket) !== null) {
    await keepFile(world, filed.path, stat);
    return etagOf(stat.digest);
  }
  const data = {
    world: filed.files,
    path: filed.path,
    ...stat,
    mime: (mime || mimeOf(place.key)).slice(0, 500),
    artifact: filed.artifact,
  };
  await world.log.tell({ name: 'FileStored', subject: filed.subject, data });
  if (filed.artifact !== '') await tellChart(world, filed.subject, filed.artifact, stat);
  return etagOf(stat.digest);
}

export async function findObject(world: SageMakerWorld, place: Place): Promise<StoredFile> {
  await needBucket(world, place.bucket);
  const { files, path, subject: owner } = await filedAt(world, place);
  // also what lies with a run
  await world.log.subjectsSettled([subject, owner]);
  const file = await world.backend.tracking.files.file(files, path);
  if (!file) throw noKey();
  return file;
}

/** What is not there is gone already. */
export async function deleteObject(world: SageMakerWorld, place: Place): Promise<void> {
  const { files, path, subject: owner, artifact } = await filedAt(world, place);
  await world.log.tell({ name: 'FileRemoved', subject: owner, data: { world: files, path, artifact } });
}

/** By key, in the order of their bytes: those that begin so. */
export async function objects(
  world: SageMakerWorld,
  bucket: string,
  prefix = '',
): Promise<readonly (StoredFile & { readonly key: string })[]> {
  await world.log.settled();
  const mlflow = tenantOfBucket(bucket) !== null;
  const folder = prefix.includes('/') ? prefix.slice(0, prefix.lastIndexOf('/')) : '';
  const root = mlflow ? '' : `${bucket}/`;
  const below = `${root}${folder}`.replace(/\/$/, '');
  const files = await world.backend.tracking.files.below(mlflow ? world.name : objectsOf(world), below);
  return files
    .filter(({ path }) => path.startsWith(`${root}${prefix}`))
    .map((file) => ({ ...file, key: file.path.slice(root.length) }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
}

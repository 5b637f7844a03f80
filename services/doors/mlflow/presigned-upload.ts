import { accessKeyPattern } from '../../http/signatures.js';
import type { DoorAuth } from '../../http/auth.js';
import { runFile } from './artifacts.js';
import type { Answer, Call } from './call.js';
import { MlflowError, invalid } from './mlflow-error.js';
import { bucketOf } from './sagemaker-bucket.js';

export interface Asking {
  readonly auth: DoorAuth;
  /** The id of a key, or an address. */
  readonly caller: string;
  /** Our address for the client, and the name by which its requests come to us. */
  readonly base: string;
  readonly host: string;
  readonly region: string;
}
const secondsMax = 604_800;
const segment = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** Where AWS's plugin puts a file of a run without signing again: an object of our S3, signed by the key that asked. */
export async function presignedUpload(call: Call, { auth, caller, base, host, region }: Asking): Promise<Answer> {
  const key = await runFile(call);
  const expiresS = call.fields.has('expiration') ? call.fields.requiredWhole('expiration') : 900;
  if (expiresS < 1 || expiresS > secondsMax)
    throw invalid(
      `Invalid value ${expiresS} for parameter 'expiration' supplied: it must be from 1 to ${secondsMax} seconds`,
    );
  const path = `/s3/${bucketOf(call.world.name)}/${key.split('/').map(segment).join('/')}`;
  if (!accessKeyPattern.test(caller)) {
    // nobody is asked for a key here, or it is one of ours that signs nothing
    if (auth.required)
      throw new MlflowError(
        'NOT_IMPLEMENTED',
        'Presigned URLs are made for callers that sign with a pair of keys create --aws',
      );
    return { presigned_url: `${base}${path}`, headers: {} };
  }
  const query = await auth.presign({ accessKeyId: caller, region, method: 'PUT', host, path, expiresS });
  return { presigned_url: `${base}${path}?${query}`, headers: {} };
}

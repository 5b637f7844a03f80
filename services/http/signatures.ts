import type { IncomingMessage } from 'node:http';
import { Unusable } from '#libs/domain/rejection.js';
import { AwsError } from './aws-error.js';
import type { SecretBox } from './secret-box.js';
import { expectBody } from './signed-body.js';
import { readPresigned } from './presigned.js';
import { expectChunks, signedPayload, signedTrailerPayload } from './signed-chunks.js';
import {
  checkSignature,
  isSigned,
  readClaim,
  scopeOf,
  sha256,
  signingKey,
  unsignedPayload,
  type SignedRequest,
} from './sigv4.js';

/** What our doors are called in the scope of a signature. */
const services = ['sagemaker', 'sagemaker-mlflow', 's3'] as const;
export const accessKeyPattern = /^RSAK[A-Z2-7]{16}$/;

export interface SignatureOptions {
  /** What is stored of the keys that are good now, by their ids. */
  readonly keys: () => Promise<ReadonlyMap<string, string>>;
  readonly box: () => SecretBox | null;
  readonly clock: () => number;
  /** False: where there is no AWS key at all, whoever signs is let in. */
  readonly required: boolean;
  /** The door always reads the body before it does anything: a signature that only the body completes may wait for it. */
  readonly bodyIsRead: boolean;
}

/** Who signed a request; null: it was let in without a look. Refuses with an `AwsError`. */
export async function checkSigned(request: IncomingMessage, options: SignatureOptions): Promise<string | null> {
  const keys = await options.keys();
  if (!options.required && ![...keys.keys()].some((id) => accessKeyPattern.test(id))) return null;
  const came: SignedRequest = {
    method: request.method ?? '',
    url: request.url ?? '',
    rawHeaders: request.rawHeaders,
  };
  const now = options.clock();
  const inQuery = isSigned(request.headers.authorization) ? null : readPresigned(came, ['s3'], now);
  const { signed, claim } = inQuery ?? { signed: came, claim: readClaim(came, services, now) };
  const secret = secretOf(keys, options.box, claim.accessKeyId);
  const { payload } = claim;
  if (payload === null) {
    if (hasBody(request) && !options.bodyIsRead)
      throw new AwsError(
        'InvalidSignatureException',
        "This door needs the header 'x-amz-content-sha256', signed.",
        403,
      );
    if (hasBody(request)) expectBody(request, (hash) => checkSignature(signed, claim, secret, hash));
    else checkSignature(signed, claim, secret, sha256(''));
    return claim.accessKeyId;
  }
  checkSignature(signed, claim, secret, payload);
  if (/^[0-9a-f]{64}$/.test(payload))
    expectBody(request, (hash) => {
      if (hash !== payload)
        throw new AwsError(
          claim.service === 's3' ? 'XAmzContentSHA256Mismatch' : 'InvalidSignatureException',
          "The provided 'x-amz-content-sha256' header does not match what was computed.",
          claim.service === 's3' ? 400 : 403,
        );
    });
  else if (claim.service === 's3' && (payload === signedPayload || payload === signedTrailerPayload))
    expectChunks(request, {
      signature: claim.signature,
      key: signingKey(secret, claim),
      timestamp: claim.timestamp,
      scope: scopeOf(claim),
      trailer: payload === signedTrailerPayload,
    });
  else if (claim.service !== 's3' || (payload !== unsignedPayload && payload !== unsignedTrailer))
    throw new AwsError(
      'InvalidSignatureException',
      `x-amz-content-sha256 '${payload.slice(0, 60)}' is not taken.`,
      403,
    );
  return claim.accessKeyId;
}
/** The secret of a pair that is good now. */
export function secretOf(keys: ReadonlyMap<string, string>, box: () => SecretBox | null, id: string): string {
  const sealed = accessKeyPattern.test(id) ? keys.get(id) : undefined;
  if (sealed === undefined)
    throw new AwsError('UnrecognizedClientException', 'The security token included in the request is invalid.', 403);
  const secret = opened(box)?.open(sealed, id) ?? null;
  if (secret === null)
    throw new AwsError(
      'UnrecognizedClientException',
      'The secret of this key can not be read here: RUNSTREAM_SECRET_KEY, or the file secret.key of the data folder, is missing, damaged, or not the one it was made with.',
      403,
    );
  return secret;
}
/** A key of the installation that is none opens nothing. */
function opened(box: () => SecretBox | null): SecretBox | null {
  try {
    return box();
  } catch (error) {
    if (error instanceof Unusable) return null;
    throw error;
  }
}
const unsignedTrailer = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

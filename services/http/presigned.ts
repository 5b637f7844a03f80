import { AwsError } from './aws-error.js';
import {
  algorithm,
  basicTime,
  clockSkewMs,
  decoded,
  encode,
  headersOf,
  incomplete,
  readScope,
  signatureOf,
  unsignedPayload,
  type Claim,
  type SignedRequest,
} from './sigv4.js';

/** Addresses of objects that are permissions by themselves: the signature is in the query (AWS's "presigned URLs"). */
const daysMax = 7;
const signatureName = 'X-Amz-Signature';
const malformed = (message: string): AwsError => new AwsError('AuthorizationQueryParametersError', message);

/** Either version of the signature; only the fourth is served. */
export const isPresigned = (url: string): boolean =>
  /[?&](X-Amz-(Algorithm|Signature|Credential)|AWSAccessKeyId)=/.test(url);

interface Presigned {
  readonly claim: Claim & { readonly payload: string };
  /** What was signed: all but the signature. */
  readonly signed: SignedRequest;
}

export function readPresigned(request: SignedRequest, services: readonly string[], nowMs: number): Presigned {
  const headers = headersOf(request);
  if (headers.has('authorization'))
    throw new AwsError(
      'InvalidArgument',
      'Only one auth mechanism allowed: a header, or the parameters of a presigned URL.',
    );
  const [path = '', query = ''] = request.url.split(/\?(.*)/s);
  const pairs = query.split('&').filter((pair) => pair !== '');
  const fields = new Map<string, string>();
  for (const pair of pairs) {
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    if (fields.has(decoded(name))) throw malformed(`'${decoded(name).slice(0, 40)}' is given more than once.`);
    fields.set(decoded(name), decoded(value));
  }
  if (fields.has('AWSAccessKeyId'))
    throw malformed("Signature version 2 is not supported here; sign with Config(signature_version='s3v4').");
  const need = (name: string): string => {
    const value = fields.get(name);
    if (!value) throw malformed(`Query-string authentication requires the '${name}' parameter.`);
    return value;
  };
  if (need('X-Amz-Algorithm') !== algorithm) throw malformed(`X-Amz-Algorithm only supports "${algorithm}".`);
  const seconds = need('X-Amz-Expires');
  if (!/^\d{1,9}$/.test(seconds) || Number(seconds) < 1 || Number(seconds) > daysMax * 86_400)
    throw malformed('X-Amz-Expires must be between 1 and 604800 seconds.');
  const { saidMs, ...claim } = readScope(
    {
      credential: need('X-Amz-Credential'),
      timestamp: need('X-Amz-Date'),
      names: need('X-Amz-SignedHeaders'),
      signature: need(signatureName),
    },
    services,
  );
  if (saidMs - nowMs > clockSkewMs) throw new AwsError('AccessDenied', 'Request is not valid yet.', 403);
  if (nowMs > saidMs + Number(seconds) * 1_000) throw new AwsError('AccessDenied', 'Request has expired.', 403);
  for (const name of headers.keys()) {
    const matters = name === 'host' || (name.startsWith('x-amz-') && name !== 'x-amz-content-sha256');
    if (matters && !claim.signedHeaders.includes(name))
      throw new AwsError(
        'AccessDenied',
        `There were headers present in the request which were not signed: ${name.slice(0, 60)}`,
        403,
      );
  }
  if (!claim.signedHeaders.includes('host')) throw incomplete("'host' must be a 'SignedHeader' in the request.");
  const inHeader = claim.signedHeaders.includes('x-amz-content-sha256')
    ? headers.get('x-amz-content-sha256')?.[0]?.trim()
    : undefined;
  const payload = inHeader ?? fields.get('X-Amz-Content-Sha256') ?? unsignedPayload;
  const kept = pairs.filter((pair) => decoded(pair.split('=')[0]!) !== signatureName);
  return { claim: { ...claim, payload }, signed: { ...request, url: `${path}?${kept.join('&')}` } };
}

export interface Presign {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly region: string;
  readonly method: 'GET' | 'PUT';
  readonly host: string;
  /** As it goes over the wire. */
  readonly path: string;
  readonly expiresS: number;
  readonly nowMs: number;
}

/** The query that lets its holder do one thing with one object for a while. */
export function presign({ accessKeyId, secret, region, method, host, path, expiresS, nowMs }: Presign): string {
  const timestamp = basicTime(nowMs);
  const day = timestamp.slice(0, 8);
  const query = Object.entries({
    'X-Amz-Algorithm': algorithm,
    'X-Amz-Credential': `${accessKeyId}/${day}/${region}/s3/aws4_request`,
    'X-Amz-Date': timestamp,
    'X-Amz-Expires': String(expiresS),
    'X-Amz-SignedHeaders': 'host',
  })
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join('&');
  const claim: Claim = {
    ...{ accessKeyId, timestamp, day, region, service: 's3', signedHeaders: ['host'] },
    ...{ signature: '', payload: unsignedPayload },
  };
  const request = { method, url: `${path}?${query}`, rawHeaders: ['host', host] };
  return `${query}&${signatureName}=${signatureOf(request, claim, secret, unsignedPayload)}`;
}

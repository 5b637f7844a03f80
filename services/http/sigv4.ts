import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AwsError } from './aws-error.js';

/**
 * Verification of AWS's Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html): the request is
 * made canonical from what came over the wire, signed again with the secret of its key, and compared in constant time.
 */
export const algorithm = 'AWS4-HMAC-SHA256';
export const clockSkewMs = 5 * 60_000;
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  /** Names and values in turn, as node:http has them: nothing is joined or dropped. */
  readonly rawHeaders: readonly string[];
}

/** What a signed request says of its signature, before anything of it is believed. */
export interface Claim {
  readonly accessKeyId: string;
  readonly timestamp: string;
  /** Of `timestamp`. */
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** What the client says the hash of its body is; null: it does not say. */
  readonly payload: string | null;
}

export const isSigned = (authorization: string | undefined): boolean =>
  authorization !== undefined && authorization.startsWith(algorithm);

export const incomplete = (message: string): AwsError => new AwsError('IncompleteSignatureException', message, 403);
const invalid = (message: string): AwsError => new AwsError('InvalidSignatureException', message, 403);

/** Headers by lower-case name, all values of each. */
export function headersOf({ rawHeaders }: SignedRequest): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[i + 1]!]);
  }
  return headers;
}

/** Reads the claim and checks all of it that needs no secret: its form, its scope, its clock, and that what matters was signed. */
export function readClaim(request: SignedRequest, services: readonly string[], nowMs: number): Claim {
  const headers = headersOf(request);
  const one = (name: string): string | null => {
    const values = headers.get(name);
    if (values && values.length > 1) throw incomplete(`The header '${name}' is given more than once.`);
    return values?.[0]?.trim() ?? null;
  };
  const authorization = one('authorization') ?? '';
  const fields = new Map<string, string>();
  for (const part of authorization.slice(algorithm.length).split(',')) {
    const [name = '', value = ''] = part.trim().split(/=(.*)/s);
    if (fields.has(name)) throw incomplete(`Authorization header gives '${name.slice(0, 40)}' more than once.`);
    fields.set(name, value);
  }
  const need = (name: string): string => {
    const value = fields.get(name);
    if (!value) throw incomplete(`Authorization header requires '${name}' parameter.`);
    return value;
  };
  if (!authorization.startsWith(`${algorithm} `))
    throw incomplete(`Authorization header must begin with ${algorithm}.`);
  const credential = need('Credential');
  const names = need('SignedHeaders');
  const signature = need('Signature');
  const timestamp = one('x-amz-date');
  if (timestamp === null) throw incomplete("Authorization header requires existence of a 'X-Amz-Date' header.");
  const claim = readScope({ credential, timestamp, names, signature }, services);
  if (Math.abs(nowMs - claim.saidMs) > clockSkewMs) {
    const now = basicTime(nowMs);
    const early = claim.saidMs > nowMs ? 'Signature not yet current' : 'Signature expired';
    throw invalid(`${early}: ${timestamp} is more than 5 min. away from ${now}`);
  }
  for (const name of [...alwaysSigned, ...signedWhereGiven]) {
    const asked = alwaysSigned.includes(name) || headers.has(name);
    if (asked && !claim.signedHeaders.includes(name)) throw notSigned(name);
  }
  return { ...claim, payload: one('x-amz-content-sha256') };
}
const alwaysSigned = ['host', 'x-amz-date'];
/** What says which operation is meant, of what, and with which body: nobody may change it on the way. */
const signedWhereGiven = [
  ...['x-amz-target', 'x-amz-security-token', 'x-amz-content-sha256'],
  ...['x-mlflow-sm-tracking-server-arn', 'x-sm-mlflow-app-arn'],
];
export const notSigned = (name: string): AwsError => invalid(`'${name}' must be a 'SignedHeader' in the request.`);
export const basicTime = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** What both ways of signing say: who, when, for what, over which headers. */
export function readScope(
  said: { readonly credential: string; readonly timestamp: string; readonly names: string; readonly signature: string },
  services: readonly string[],
): Omit<Claim, 'payload'> & { readonly saidMs: number } {
  const { timestamp, signature } = said;
  const scope = said.credential.split('/');
  const signedHeaders = said.names.split(';');
  if (scope.length !== 5 || scope.some((part) => part === ''))
    throw incomplete('Credential must have exactly 5 slash-delimited elements: keyid/date/region/service/term.');
  const [accessKeyId, day, region, service, term] = scope as [string, string, string, string, string];
  if (!/^[0-9a-f]{64}$/.test(signature)) throw incomplete('Signature must be 64 hexadecimal digits.');
  if (term !== 'aws4_request') throw invalid("Credential should be scoped with a valid terminator: 'aws4_request'.");
  if (!services.includes(service))
    throw invalid(`Credential should be scoped to correct service: '${services.join("' or '")}'.`);
  const saidMs = timeOf(timestamp);
  if (saidMs === null) throw incomplete("Date must be in ISO-8601 'basic format'. See X-Amz-Date.");
  if (!timestamp.startsWith(day)) throw invalid('Date in Credential scope does not match YYYYMMDD from X-Amz-Date.');
  const order = [...signedHeaders].sort();
  if (order.some((name, i) => name !== signedHeaders[i] || name !== name.toLowerCase() || name === order[i - 1]))
    throw incomplete('SignedHeaders must be in lower case, in order, each once.');
  return { accessKeyId, timestamp, day, region, service, signedHeaders, signature, saidMs };
}

/** Unix ms of "20150830T123600Z"; null where it is no time. */
function timeOf(timestamp: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  if (!match) return null;
  const [, year, month, day, hour, minute, second] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** Refuses a request that the holder of the secret did not sign. `payload`: the hash of the body, or what stands for it. */
export function checkSignature(request: SignedRequest, claim: Claim, secret: string, payload: string): void {
  const expected = Buffer.from(signatureOf(request, claim, secret, payload), 'hex');
  const given = Buffer.from(claim.signature, 'hex');
  if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  throw invalid(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  );
}

export const scopeOf = ({ day, region, service }: Claim): string => `${day}/${region}/${service}/aws4_request`;

export function signatureOf(request: SignedRequest, claim: Claim, secret: string, payload: string): string {
  const text = [algorithm, claim.timestamp, scopeOf(claim), sha256(canonicalRequest(request, claim, payload))].join(
    '\n',
  );
  return createHmac('sha256', signingKey(secret, claim)).update(text).digest('hex');
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
export const signingKey = (secret: string, { day, region, service }: Claim): Buffer =>
  hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request');
export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function canonicalRequest(
  request: SignedRequest,
  { signedHeaders, service }: Pick<Claim, 'signedHeaders' | 'service'>,
  payload: string,
): string {
  const [path = '', query = ''] = request.url.split(/\?(.*)/s);
  const headers = headersOf(request);
  return [
    request.method,
    canonicalPath(path, service === 's3'),
    canonicalQuery(query),
    ...signedHeaders.map((name) => `${name}:${(headers.get(name) ?? []).map(plain).join(',')}`),
    '',
    signedHeaders.join(';'),
    payload,
  ].join('\n');
}

const plain = (value: string): string => value.trim().replaceAll(/ +/g, ' ');
export const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** S3 signs its path as it is sent; everybody else plain and encoded once more. */
function canonicalPath(path: string, asSent: boolean): string {
  if (asSent) return path === '' ? '/' : path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(encode(part));
  }
  const folder = /\/\.{0,2}$/.test(path) && parts.length > 0;
  return `/${parts.join('/')}${folder ? '/' : ''}`;
}

function canonicalQuery(query: string): string {
  const pairs = query.split('&').flatMap((pair) => {
    if (pair === '') return [];
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    return [[encode(decoded(name)), encode(decoded(value))] as const];
  });
  pairs.sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw incomplete('The query string holds what is no percent-encoding.');
  }
}

/** The region that a signed request names; AWS's first where it is not signed. */
export const regionOf = (authorization: string | undefined): string =>
  /Credential=[^/,]+\/\d+\/([a-z0-9-]{1,30})\//.exec(authorization ?? '')?.[1] ?? 'us-east-1';

/** Where the artifact bytes are: what `s3://bucket/prefix?endpoint=…` and the credentials of the environment say. */
export interface S3Address {
  readonly bucket: string;
  /** "" or "some/folder/" */
  readonly prefix: string;
  readonly endpoint: string;
  /** What the addresses given to clients begin with, when they reach the store by another name than we do. */
  readonly publicEndpoint: string | null;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string | null;
}

export interface S3Credentials {
  readonly accessKey: string | undefined;
  readonly secretKey: string | undefined;
  readonly sessionToken: string | undefined;
}

const known = ['endpoint', 'region', 'public', 'path_style'];
const name = 'RUNSTREAM_ARTIFACTS';

/** Reads the address; what is wrong with it is told to `problem`, all of it. */
export function readS3Address(text: string, given: S3Credentials, problem: (text: string) => void): S3Address {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || url.hostname === '') {
    problem(`${name}: "${redacted(text)}" is no address; expected s3://bucket/folder?endpoint=https://host:port`);
  }
  const query = url?.searchParams ?? new URLSearchParams();
  if (url && url.username + url.password !== '')
    problem(`${name}: keys do not belong in the address; give RUNSTREAM_S3_ACCESS_KEY and RUNSTREAM_S3_SECRET_KEY`);
  if (url && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(url.hostname))
    problem(`${name}: "${url.hostname}" is no name of a bucket: 3 to 63 of a-z 0-9 . -`);
  for (const key of query.keys())
    if (!known.includes(key)) problem(`${name}: "${key}" is not known; expected ${known.join(', ')}`);
  const region = query.get('region') ?? 'us-east-1';
  const endpoint = readEndpoint('endpoint', query.get('endpoint'), problem);
  const style = query.get('path_style') ?? (endpoint === null ? '0' : '1');
  if (style !== '0' && style !== '1') problem(`${name}: path_style: "${style}" is neither 0 nor 1`);
  if (!given.accessKey || !given.secretKey)
    problem(
      `${name}: s3: needs RUNSTREAM_S3_ACCESS_KEY and RUNSTREAM_S3_SECRET_KEY (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)`,
    );
  const folder = decodeURIComponent(url?.pathname ?? '').replace(/^\/+|\/+$/g, '');
  return {
    bucket: url?.hostname ?? '',
    prefix: folder === '' ? '' : `${folder}/`,
    endpoint: endpoint ?? `https://s3.${region}.amazonaws.com`,
    publicEndpoint: readEndpoint('public', query.get('public'), problem),
    region,
    pathStyle: style === '1',
    accessKey: given.accessKey ?? '',
    secretKey: given.secretKey ?? '',
    sessionToken: given.sessionToken ?? null,
  };
}

function readEndpoint(key: string, text: string | null, problem: (text: string) => void): string | null {
  if (text === null || text === '') return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '') return url.origin;
  problem(`${name}: ${key}: "${redacted(text)}" is no endpoint; expected http://host:port or https://host:port`);
  return null;
}

const redacted = (text: string): string => text.replace(/\/\/[^@/]*@/, '//***@');

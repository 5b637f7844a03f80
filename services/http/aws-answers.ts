import { randomUUID } from 'node:crypto';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';
import { AwsError } from './aws-error.js';
import type { HttpError } from './http-errors.js';

/** Any refusal of ours in AWS's words; null for what is our own fault. */
export function toAwsError(error: unknown): AwsError | null {
  if (error instanceof AwsError) return error;
  if (error instanceof Unavailable) return new AwsError('ServiceUnavailable', error.message, 503);
  if (!(error instanceof Rejection)) return null;
  const { code, message } = error;
  switch (code) {
    case 'UNAUTHENTICATED':
      return new AwsError('MissingAuthenticationTokenException', `Missing Authentication Token: ${message}`, 403);
    case 'FORBIDDEN':
      return new AwsError('AccessDeniedException', message, 403);
    case 'NOT_FOUND':
      return new AwsError('ResourceNotFound', message);
    case 'LIMIT_EXCEEDED':
      return new AwsError('ThrottlingException', message);
    case 'TOO_LARGE':
      return new AwsError('RequestEntityTooLarge', message, 413);
    case 'TOO_SLOW':
      return new AwsError('RequestTimeout', message, 408);
    case 'NO_SPACE':
    case 'STALE_POSITION':
      return new AwsError('ServiceUnavailable', message, 503);
    case 'INVALID_ARGUMENT':
    case 'UNKNOWN_EVENT_TYPE':
    case 'UNSUPPORTED_VERSION':
    case 'ALREADY_EXISTS':
    case 'PARAM_CONFLICT':
    case 'RUN_DELETED':
    case 'RUN_ARCHIVED':
    case 'INVALID_TRANSITION':
      return new AwsError('ValidationException', message);
  }
}

/** As both of SageMaker's protocols have it: some clients read the code in the body, others in the header. */
export function awsJsonError({ code, message, status }: AwsError): HttpError & { readonly body: object } {
  return {
    status,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-errortype': code,
      'x-amzn-requestid': randomUUID(),
    },
    body: { __type: code, message } as never,
  };
}

export interface AwsDoor {
  readonly refuse: (error: unknown) => HttpError | null;
  /** It reads the whole body before it does anything. */
  readonly bodyIsRead: boolean;
}

/** Routes that speak AWS, and how they refuse. */
export function awsDoorOf(route: string | undefined): AwsDoor | null {
  if (route === undefined) return null;
  if (s3Routes.has(route)) return { refuse: refusal(s3Error), bodyIsRead: false };
  return awsRoutes.has(route) ? { refuse: refusal(awsJsonError), bodyIsRead: true } : null;
}
const refusal =
  (write: (error: AwsError) => HttpError) =>
  (error: unknown): HttpError | null => {
    const known = toAwsError(error);
    return known && write(known);
  };

const s3Codes: Readonly<Record<string, string>> = {
  UnrecognizedClientException: 'InvalidAccessKeyId',
  InvalidSignatureException: 'SignatureDoesNotMatch',
  IncompleteSignatureException: 'AuthorizationHeaderMalformed',
  MissingAuthenticationTokenException: 'AccessDenied',
  AccessDeniedException: 'AccessDenied',
  ValidationException: 'InvalidArgument',
  ThrottlingException: 'SlowDown',
  RequestEntityTooLarge: 'EntityTooLarge',
  ResourceNotFound: 'NoSuchKey',
};

/** S3 has other words for the same, and says them as XML. */
export function s3Error({ code, message, status }: AwsError): HttpError {
  const said = /^(Signature expired|Signature not yet)/.test(message)
    ? 'RequestTimeTooSkewed'
    : (s3Codes[code] ?? code);
  const [id, text] = [randomUUID(), xmlText(message)];
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${xmlText(said)}</Code><Message>${text}</Message><RequestId>${id}</RequestId></Error>`;
  const found = code === 'ResourceNotFound' ? 404 : code === 'ThrottlingException' ? 503 : status;
  return { status: found, headers: { 'content-type': 'application/xml', 'x-amz-request-id': id }, body: body as never };
}

/** What XML 1.0 can't say at all becomes the sign for what can't be shown. */
export const xmlText = (text: string): string =>
  text
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;');

/** Where SageMaker's two protocols are spoken: on the root, below a folder of its own, and below a tenant's. */
const folders = ['', '/sagemaker', '/t/:world/sagemaker'];
/** AWS's SDK for JavaScript ends the address of a folder in "/", botocore does not: the star stands for nothing. */
export const jsonPaths: readonly string[] = folders.flatMap((folder) =>
  folder === '' ? ['/'] : [folder, `${folder}/*`],
);
export const metricPaths: readonly string[] = folders.flatMap((folder) =>
  ['BatchPutMetrics', 'BatchGetMetrics'].map((name) => `${folder}/${name}`),
);
const awsRoutes: ReadonlySet<string> = new Set([...jsonPaths, ...metricPaths]);

/** A folder of our own for what S3 has on its root, which is the page's here. */
export const s3Paths: readonly string[] = ['/s3', '/t/:world/s3'].flatMap((path) => [path, `${path}/*`]);
const s3Routes: ReadonlySet<string> = new Set(s3Paths);
/** Where addresses may be signed in their query. */
export const isS3Route = (route: string | undefined): boolean => route !== undefined && s3Routes.has(route);

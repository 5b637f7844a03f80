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

/** Routes that speak AWS, and how they refuse. */
export function awsDoorOf(route: string | undefined): ((error: unknown) => HttpError | null) | null {
  if (route === undefined || !awsRoutes.has(route)) return null;
  return (error) => {
    const known = toAwsError(error);
    return known && awsJsonError(known);
  };
}

/** Where SageMaker's two protocols are spoken: on the root, below a folder of its own, and below a tenant's. */
const folders = ['', '/sagemaker', '/t/:world/sagemaker'];
export const jsonPaths: readonly string[] = folders.map((folder) => folder || '/');
export const metricPaths: readonly string[] = folders.flatMap((folder) =>
  ['BatchPutMetrics', 'BatchGetMetrics'].map((name) => `${folder}/${name}`),
);
const awsRoutes: ReadonlySet<string> = new Set([...jsonPaths, ...metricPaths]);

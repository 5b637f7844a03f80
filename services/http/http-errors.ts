import { AwsError } from './aws-error.js';
import { Rejection, Unavailable, type RejectionCode } from '#libs/domain/rejection.js';

/** HTTP status of each refusal, mapped once for every HTTP edge of ours. */
export const httpStatusOf: { readonly [Code in RejectionCode]: number } = {
  INVALID_ARGUMENT: 400,
  UNKNOWN_EVENT_TYPE: 400,
  UNSUPPORTED_VERSION: 400,
  TOO_LARGE: 413,
  TOO_SLOW: 408,
  NO_SPACE: 507,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PARAM_CONFLICT: 409,
  RUN_DELETED: 409,
  RUN_ARCHIVED: 409,
  INVALID_TRANSITION: 409,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  LIMIT_EXCEEDED: 429,
  STALE_POSITION: 503,
};

export interface HttpError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly error: { readonly code: string; readonly message: string; readonly field?: string } };
}

/** In both words there are for it: clients that pace themselves look for the second. */
const comeAgainIn = (seconds: number): Readonly<Record<string, string>> => ({
  'retry-after': String(seconds),
  'ratelimit-remaining': '0',
  'ratelimit-reset': String(seconds),
});

/** What a caller is told; null for what is our own fault, which is logged and answered 500 without detail. */
export function toHttpError(error: unknown): HttpError | null {
  if (error instanceof Rejection) {
    const status = httpStatusOf[error.code];
    const field = error.field === undefined ? {} : { field: error.field };
    return {
      status,
      headers: {
        ...(status === 429 || status === 503 ? comeAgainIn(1) : {}),
        ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      },
      body: { error: { code: error.code, message: error.message, ...field } },
    };
  }
  // a signed request to a door that is not AWS's
  if (error instanceof AwsError)
    return {
      status: error.status,
      headers: { 'x-amzn-errortype': error.code },
      // MLflow's clients with AWS's plugin look for the message here
      body: {
        error: { code: error.code, message: error.message },
        error_code: 'PERMISSION_DENIED',
        message: error.message,
      } as never,
    };
  if (error instanceof Unavailable) {
    return {
      status: 503,
      headers: comeAgainIn(Math.max(1, Math.ceil(error.retryAfterMs / 1_000))),
      body: { error: { code: 'UNAVAILABLE', message: error.message } },
    };
  }
  return null;
}

import { Rejection, Unavailable, type RejectionCode } from '#libs/domain/rejection.js';

/** The codes of MLflow's API that this door answers with, and their HTTP status. The client retries 429 and every 5xx. */
const statusOf = {
  INVALID_PARAMETER_VALUE: 400,
  BAD_REQUEST: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  RESOURCE_DOES_NOT_EXIST: 404,
  ENDPOINT_NOT_FOUND: 404,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  REQUEST_TIMEOUT: 408,
  ARTIFACT_TOO_LARGE: 413,
  REQUEST_LIMIT_EXCEEDED: 429,
  NOT_IMPLEMENTED: 501,
  TEMPORARILY_UNAVAILABLE: 503,
  INSUFFICIENT_STORAGE: 507,
} as const;
export type MlflowCode = keyof typeof statusOf;

/** A refusal in the words that MLflow's users know. */
export class MlflowError extends Error {
  override readonly name = 'MlflowError';
  constructor(
    readonly code: MlflowCode,
    message: string,
    readonly retryAfterMs: number | null = null,
    private readonly as: number | null = null,
  ) {
    super(message);
  }
  get status(): number {
    return this.as ?? statusOf[this.code];
  }
}

export const invalid = (message: string): MlflowError => new MlflowError('INVALID_PARAMETER_VALUE', message);
/** What FastAPI says of a request to MLflow's own routes that lacks something. */
export const unprocessable = (message: string): MlflowError =>
  new MlflowError('INVALID_PARAMETER_VALUE', message, null, 422);
export const missing = (message: string): MlflowError => new MlflowError('RESOURCE_DOES_NOT_EXIST', message);

/** Nothing that a user got wrong may become a 5xx: the client would repeat it for minutes and lose the text. */
const codeOf: { readonly [Code in RejectionCode]: MlflowCode } = {
  INVALID_ARGUMENT: 'INVALID_PARAMETER_VALUE',
  UNKNOWN_EVENT_TYPE: 'INVALID_PARAMETER_VALUE',
  UNSUPPORTED_VERSION: 'INVALID_PARAMETER_VALUE',
  TOO_LARGE: 'INVALID_PARAMETER_VALUE',
  TOO_SLOW: 'REQUEST_TIMEOUT',
  NO_SPACE: 'INSUFFICIENT_STORAGE',
  NOT_FOUND: 'RESOURCE_DOES_NOT_EXIST',
  ALREADY_EXISTS: 'RESOURCE_ALREADY_EXISTS',
  PARAM_CONFLICT: 'INVALID_PARAMETER_VALUE',
  RUN_DELETED: 'INVALID_PARAMETER_VALUE',
  RUN_ARCHIVED: 'INVALID_PARAMETER_VALUE',
  INVALID_TRANSITION: 'INVALID_PARAMETER_VALUE',
  UNAUTHENTICATED: 'UNAUTHENTICATED',
  FORBIDDEN: 'PERMISSION_DENIED',
  LIMIT_EXCEEDED: 'REQUEST_LIMIT_EXCEEDED',
  STALE_POSITION: 'TEMPORARILY_UNAVAILABLE',
};

/** Null for what is our own fault. */
export function toMlflowError(error: unknown): MlflowError | null {
  if (error instanceof MlflowError) return error;
  if (error instanceof Rejection) {
    const code = codeOf[error.code];
    return new MlflowError(code, error.message, code === 'REQUEST_LIMIT_EXCEEDED' ? 1_000 : null);
  }
  if (error instanceof Unavailable)
    return new MlflowError('TEMPORARILY_UNAVAILABLE', error.message, error.retryAfterMs);
  return null;
}

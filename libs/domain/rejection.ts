/** Every reason for which a caller can be refused. Closed: each edge maps each code once. */
export const rejectionCodes = [
  'INVALID_ARGUMENT',
  'UNKNOWN_EVENT_TYPE',
  'UNSUPPORTED_VERSION',
  'TOO_LARGE',
  'TOO_SLOW',
  'NO_SPACE',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PARAM_CONFLICT',
  'RUN_DELETED',
  'RUN_ARCHIVED',
  'INVALID_TRANSITION',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'LIMIT_EXCEEDED',
  'STALE_POSITION',
] as const;
export type RejectionCode = (typeof rejectionCodes)[number];

/** The caller is wrong. Says what failed, then the detail, then a hint; `field` is a path such as `data.blocks[0].keys[3]`. */
export class Rejection extends Error {
  override readonly name = 'Rejection';
  constructor(
    readonly code: RejectionCode,
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }
}

/** The world is down (a store, a disk, a broker): retriable, the caller waits and tries again. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  constructor(
    message: string,
    readonly retryAfterMs = 1_000,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What a person has to mend before we can go on: names the file or folder and says what to do. */
export class Unusable extends Error {
  override readonly name: string = 'Unusable';
}

/** The record can't be read: it goes to dead letters with this reason and its bytes. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

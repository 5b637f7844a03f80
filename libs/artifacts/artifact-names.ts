import { Rejection } from '#libs/domain/rejection.js';

/** The 64 hex digits of a digest; anything else is refused, so that no digest can be a path. */
export function readDigest(digest: string): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest);
  if (!match)
    throw new Rejection(
      'INVALID_ARGUMENT',
      `digest "${digest.slice(0, 100)}": expected "sha256:" and 64 hex digits`,
      'digest',
    );
  return match[1]!;
}

export function readUploadId(uploadId: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(uploadId)) {
    throw new Rejection('INVALID_ARGUMENT', 'upload id: expected 1 to 64 of A-Z a-z 0-9 _ -', 'uploadId');
  }
  return uploadId;
}

export const wrongDigest = (expected: string, actual: string): Rejection =>
  new Rejection(
    'INVALID_ARGUMENT',
    `artifact: the bytes have digest ${actual}, expected ${expected}; send them again`,
    'digest',
  );

export const wrongSize = (expected: number, actual: number): Rejection =>
  new Rejection('INVALID_ARGUMENT', `artifact: got ${actual} bytes, expected ${expected}`, 'sizeBytes');

export const wrongOffset = (uploadId: string, kept: number, offset: number): Rejection =>
  new Rejection(
    'INVALID_ARGUMENT',
    `upload ${uploadId}: has ${kept} bytes, can't go on at ${offset}; ask where to resume`,
    'offset',
  );

export const unknownArtifact = (digest: string): Rejection =>
  new Rejection('NOT_FOUND', `artifact ${digest}: not stored here`, 'digest');

export const unknownUpload = (uploadId: string): Rejection =>
  new Rejection('NOT_FOUND', `upload ${uploadId}: unknown; send its bytes first`, 'uploadId');

/** The caller's own two requests meet; nothing of ours is away. */
export const takenUpload = (uploadId: string): Rejection =>
  new Rejection('LIMIT_EXCEEDED', `upload ${uploadId}: another request is writing it; ask where to resume`, 'uploadId');

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The range asked for, or all; refused when it is not within the artifact. */
export function checkRange(digest: string, range: ByteRange | undefined, sizeBytes: number): ByteRange {
  const { start, end } = range ?? { start: 0, end: sizeBytes };
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || start > end || end > sizeBytes) {
    throw new Rejection(
      'INVALID_ARGUMENT',
      `artifact ${digest}: range [${start}, ${end}) is not within its ${sizeBytes} bytes`,
      'range',
    );
  }
  return { start, end };
}

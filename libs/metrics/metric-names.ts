import { createHash } from 'node:crypto';

/** Times of (attempt, rank, step): one row per record instead of a time in every row. Hidden from people. */
export const clockKey = '_time';
/** The same for keys whose steps are not training steps. */
export const systemClockKey = '_time/system';

/** 64-bit name of a run or key: the first 8 bytes of SHA-256, little-endian. In SQL: `reinterpretAsUInt64(substring(SHA256(x), 1, 8))`. */
export function nameHash(name: string): bigint {
  return createHash('sha256').update(name).digest().readBigUInt64LE(0);
}

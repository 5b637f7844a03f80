/** Codes of the engine's errors by which it, not the query, is to blame. */
const enginesOwn: ReadonlySet<number> = new Set([
  49, 74, 75, 76, 209, 210, 236, 242, 243, 246, 252, 279, 319, 425, 439, 499, 598, 668, 999, 1000, 1001, 1002,
]);
/** Too many at once. */
const busy: ReadonlySet<number> = new Set([202, 203, 745]);

/**
 * The status of an answer by what went wrong: the engine says 500 for nearly everything, and a client would ask the same again for
 * minutes. A query that is wrong, or takes more than it may, is the caller's; one that finds no place is asked to come back.
 */
export function sqlStatus(status: number, exceptionCode: string | undefined): number {
  const code = Number(exceptionCode ?? NaN);
  if (busy.has(code)) return 429;
  // 408 would be asked again by clients that know it as the connection's
  if (status < 500) return status === 408 ? 400 : status;
  return Number.isNaN(code) || enginesOwn.has(code) ? 503 : 400;
}

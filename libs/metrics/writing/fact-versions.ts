/** An explicit change beats what a start said; among starts the first wins, among changes the last. */
const changedBase = 1n << 62n;

export const changedVersion = (offset: number): bigint => changedBase + BigInt(offset);
/** Lower offsets win. */
export const firstVersion = (offset: number): bigint => changedBase - BigInt(offset) - 1n;
/** How a run stands is told by what happened last, whenever it became known; at one time an end comes after a start. */
export const saidAt = (timeMs: number, end: 0 | 1): bigint => changedBase + BigInt(Math.max(0, timeMs) * 2 + end);

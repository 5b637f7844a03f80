import type { EventHead } from '#libs/domain/event.js';
import { Unreadable } from '#libs/domain/rejection.js';

/** version = high * 2^32 + low + position * scale */
export interface VersionBase {
  readonly high: number;
  readonly low: number;
  readonly scale: number;
}

/** Rows that one event may number. */
export const positionsMax = 1 << 20;

/** Which of two rows of one place is the newer one, told by the events alone: by the writer's numbers, else by their times. */
export function versionOf(event: Pick<EventHead, 'writer' | 'timeMs'>): VersionBase {
  const { writer } = event;
  if (!writer)
    return {
      high: Math.floor(event.timeMs / 4_096),
      low: (((event.timeMs % 4_096) + 4_096) % 4_096) * positionsMax,
      scale: 1,
    };
  if (writer.seq >= 2 ** 32) throw new Unreadable(`writer ${writer.id}: seq ${writer.seq} is beyond 2^32`);
  let tie = 0;
  for (let i = 0; i < writer.id.length; i++) tie = (Math.imul(tie, 31) + writer.id.charCodeAt(i)) | 0;
  return { high: writer.seq, low: (tie ^ (tie >>> 12)) & 4_095, scale: 4_096 };
}

import { topics, type Topic } from '#libs/domain/event.js';
import { Rejection } from '#libs/domain/rejection.js';

/** Read-your-writes token: for each partition the first offset a reader may not yet need, e.g. "runs/0@13,telemetry/1@992". */
export type PositionToken = ReadonlyMap<string, number>;

export const partitionName = (topic: Topic, partition: number): string => `${topic}/${partition}`;

export function formatPositionToken(ends: PositionToken): string {
  return [...ends].map(([name, end]) => `${name}@${end}`).join(',');
}

export function parsePositionToken(text: string): PositionToken {
  const ends = new Map<string, number>();
  for (const part of text.split(',').filter((piece) => piece !== '')) {
    const match = /^([a-z]+)\/(\d{1,5})@(\d{1,15})$/.exec(part);
    if (!match || !(topics as readonly string[]).includes(match[1]!)) {
      throw new Rejection(
        'INVALID_ARGUMENT',
        `position: cannot read "${part}"; expected e.g. "runs/0@13,telemetry/1@992"`,
        'position',
      );
    }
    const name = `${match[1]}/${Number(match[2])}`;
    ends.set(name, Math.max(ends.get(name) ?? 0, Number(match[3])));
  }
  return ends;
}

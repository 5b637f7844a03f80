import type { Event, PointBlock, Writer } from '#libs/domain/event.js';
import type { ReadRecord } from '../folding/read-batch.js';

export const blockOf = (keys: string[], steps: number[], values: number[]): PointBlock => ({
  keys,
  steps: Float64Array.from(steps),
  times: null,
  values: Float64Array.from(values),
  everyValue: false,
});
export const w = (seq: number, { attempt = 1, rank = 0, id = 'w' } = {}): Writer => ({ id, attempt, rank, seq });

/** Telemetry in the order of the log; whatever is said is in `made` until somebody takes it. */
export class TelemetrySaid {
  made: ReadRecord[] = [];
  #offset = 0;

  say(name: string, subject: string, writer: Writer | null, appendedAt: number, data: object = {}): ReadRecord {
    const offset = ++this.#offset;
    const head = { id: `e${offset}`, source: 'spec', subject, timeMs: 1_000 + offset, writer, reply: false };
    const record = { event: { ...head, name, data } as unknown as Event, appendedAt, offset };
    this.made.push(record);
    return record;
  }

  points(
    run: string,
    writer: Writer | null,
    at: number,
    blocks: PointBlock[],
    attemptStartedAtMs?: number,
  ): ReadRecord {
    return this.say('PointsLogged', run, writer, at, {
      blocks,
      ...(attemptStartedAtMs !== undefined && { attemptStartedAtMs }),
    });
  }

  take(): ReadRecord[] {
    return this.made.splice(0);
  }
}

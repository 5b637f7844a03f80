import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { block, points, postEvents, writerOf } from '../rigs/client.js';

/** Small seeded generator (mulberry32), so that a failing run can be repeated. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const keys = ['loss', 'acc', 'grad'];
/** What must be stored for a key at a step of a writer: anything else is a wrong value. */
export const valueAt = (rank: number, key: number, step: number): number =>
  rank * 1_000_000 + key * 100_000 + step + 0.5;

export interface WriterLog {
  readonly rank: number;
  steps: number;
  seq: number;
  acked: number;
}

export interface Pace {
  readonly stepsMax: number;
  readonly pauseMsMax: number;
  /** How often an answered batch is sent once more, as a client that lost the answer does. */
  readonly resendShare: number;
}
export const fast: Pace = { stepsMax: 40, pauseMsMax: 10, resendShare: 0 };

/** Posts batches of random size; a batch whose answer was lost is sent again, the same to the byte, until it is answered. */
export async function write(
  url: () => string,
  run: string,
  log: WriterLog,
  random: () => number,
  stop: () => boolean,
  { stepsMax, pauseMsMax, resendShare }: Pace = fast,
): Promise<void> {
  while (!stop()) {
    const count = 1 + Math.floor(random() * stepsMax);
    const steps = Array.from({ length: count }, (_, i) => log.steps + i);
    const writer = writerOf(`w${log.rank}`, log.seq + 1, log.rank);
    const event = {
      ...points(run, writer, [block(keys, steps, (key, step) => valueAt(log.rank, key, step))]),
      id: `${run}-${log.rank}-${writer.seq}`,
      timeMs: 1_000,
    };
    for (;;) {
      try {
        const { results } = await postEvents(url(), [event]);
        expect(results[0]).toMatchObject({ status: 'accepted' });
        if (random() >= resendShare) break;
      } catch (error) {
        if ((error as Error).name === 'AssertionError') throw error;
        await sleep(20);
      }
    }
    log.steps += count;
    log.seq += 1;
    log.acked += count * keys.length;
    await sleep(random() * pauseMsMax);
  }
}

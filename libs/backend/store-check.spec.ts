import { expect, it } from 'vitest';
import type { EventLog } from '#libs/log/event-log.js';
import type { Logger } from '#libs/observability/logger.js';
import type { Projection, ProjectionFamily } from '#libs/projecting/projection.js';
import { startOverIfAhead } from './store-check.js';

const quiet: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A log that tells these ends one after the other, and a family at a checkpoint. */
function given(ends: readonly number[], checkpoint: number) {
  const left = [...ends];
  let live = 1;
  const log = {
    ranges: () =>
      Promise.resolve([{ topic: 'runs', partition: 0, start: 0, end: left.length > 1 ? left.shift()! : left[0]! }]),
  } as unknown as EventLog;
  const family = {
    name: 'runs',
    topics: ['runs'],
    live: () => Promise.resolve({ checkpoints: () => Promise.resolve(new Map([['runs/0', checkpoint]])) }),
    generations: () => Promise.resolve({ live, all: [1] }),
    openGeneration: () => Promise.resolve({} as Projection),
    switchTo: (generation: number) => Promise.resolve(void (live = generation)),
  } as unknown as ProjectionFamily;
  return { log, family, live: () => live };
}

it('starts tables over that contain more than the log', async () => {
  const { log, family, live } = given([9], 10);
  await startOverIfAhead(log, family, quiet);
  expect(live()).toBe(2);
});

it('keeps tables that the log contains', async () => {
  const { log, family, live } = given([10], 10);
  await startOverIfAhead(log, family, quiet);
  expect(live()).toBe(1);
});

it('does not believe a shared log that comes back with less than it has, unless it stays so', async () => {
  const soon = given([0, 4, 12], 10);
  await startOverIfAhead(soon.log, soon.family, quiet, 30_000);
  expect(soon.live()).toBe(1);
  const never = given([4], 10);
  await startOverIfAhead(never.log, never.family, quiet, 600);
  expect(never.live()).toBe(2);
});

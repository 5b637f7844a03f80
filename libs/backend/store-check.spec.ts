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
    checkpointsOf: (generation: number) => Promise.resolve(new Map([['runs/0', generation === 1 ? checkpoint : 0]])),
    generations: () => Promise.resolve({ live, all: live === 1 ? [1] : [1, live] }),
    openGeneration: () => Promise.resolve({} as Projection),
    switchTo: (generation: number) => Promise.resolve(void (live = generation)),
  } as unknown as ProjectionFamily;
  return { log, family, live: () => live };
}

it('starts tables over that contain more than the log, says how much is missing, and goes on saying so', async () => {
  const { log, family, live } = given([7], 10);
  for (let start = 0; start < 2; start++) {
    const said: string[] = [];
    await startOverIfAhead(log, family, { logger: quiet, onMissing: (_, detail) => said.push(detail) });
    expect(live()).toBe(2);
    expect(said).toEqual([
      expect.stringMatching(/^3 acknowledged records are missing.*runs\/0: 7 of 10.*generation 1/),
    ]);
  }
});

it('keeps tables that the log contains', async () => {
  const { log, family, live } = given([10], 10);
  await startOverIfAhead(log, family, { logger: quiet });
  expect(live()).toBe(1);
});

it('does not believe a shared log that comes back with less than it has, unless it stays so', async () => {
  const soon = given([0, 4, 12], 10);
  await startOverIfAhead(soon.log, soon.family, { logger: quiet, believedAfterMs: 30_000 });
  expect(soon.live()).toBe(1);
  const never = given([4], 10);
  await startOverIfAhead(never.log, never.family, { logger: quiet, believedAfterMs: 600 });
  expect(never.live()).toBe(2);
});

import fc from 'fast-check';
import type { PointBlock } from '#libs/domain/event.js';

export interface Said {
  readonly attempt: number;
  readonly rank: number;
  readonly seq: number;
  readonly block: PointBlock;
}

export const pointValue = fc.oneof(fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, 1, -1), fc.double());
/** What a few writers said: of small numbers, so that steps, values and ranks meet often. */
export const said = fc
  .uniqueArray(
    fc
      .record({
        attempt: fc.integer({ min: 1, max: 2 }),
        rank: fc.integer({ min: 0, max: 2 }),
        seq: fc.integer({ min: 1, max: 4 }),
        keys: fc.constantFrom(['loss'], ['acc'], ['loss', 'acc']),
        steps: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
      })
      .chain(({ keys, steps, ...source }) =>
        fc
          .array(pointValue, { minLength: keys.length * steps.length, maxLength: keys.length * steps.length })
          .map((values): Said => ({
            ...source,
            block: {
              keys,
              steps: Float64Array.from(steps),
              times: null,
              values: Float64Array.from(values),
              everyValue: false,
            },
          })),
      ),
    { maxLength: 12, selector: ({ attempt, rank, seq }) => `${attempt} ${rank} ${seq}` },
  )
  .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));

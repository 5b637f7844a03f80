import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PointBlock } from '#libs/domain/event.js';
import { pointValue, said, type Said } from '../test/said-points.js';
import { addBlock } from './point-summaries.js';

const summed = (list: readonly Said[]): Record<string, unknown> => {
  const summaries: Parameters<typeof addBlock>[0] = new Map();
  // attempt 2 became known later than attempt 1, but began before it
  for (const { block, ...source } of list)
    addBlock(summaries, block, { ...source, startedAt: 3 - source.attempt, timeMs: source.seq });
  return Object.fromEntries([...summaries].sort(([a], [b]) => (a < b ? -1 : 1)));
};

describe('summaries of telemetry', () => {
  it('are the same in whatever order the points come', () => {
    fc.assert(
      fc.property(said, ([list, shuffled]) => {
        expect(summed(shuffled)).toEqual(summed(list));
      }),
      { numRuns: 2_000 },
    );
  });

  const one = (steps: number[], values: number[]) => {
    const block = { keys: ['loss'], steps: Float64Array.from(steps), times: null, values: Float64Array.from(values) };
    return summed([{ attempt: 1, rank: 0, seq: 1, block: { ...block, everyValue: false } }])['loss'];
  };

  it.each([
    [[1, 3, 2], [7, 8, 9], { last: 8, last_step: 3, min: 7, min_step: 1, max: 9, max_step: 2 }],
    [[3, 1, 2], [7, 8, 9], { last: 7, last_step: 3 }],
    [[1, 1, 1], [7, 9, 8], { last: 8, last_step: 1 }],
    [[4, 2, 3], [5, 5, 5], { min_step: 2, max_step: 2 }],
    [[1, 2], [-5, -7], { last: -7, min: -7, max: -5, max_step: 1 }],
  ])('of steps %j with values %j are %j', (steps, values, expected) => {
    expect(one(steps, values)).toMatchObject(expected);
  });

  it.each([NaN, Infinity, -Infinity])('have no lowest and no highest value where all are %d', (number) => {
    expect(one([1, 2], [number, number])).toMatchObject({
      last: number, count: 2, min: null, min_step: null, min_rank: null, max: null, max_step: null, max_rank: null,
    }); // prettier-ignore
    expect(one([1, 2, 3], [number, 6, number])).toMatchObject({ min: 6, min_step: 2, max: 6, max_step: 2 });
  });

  it('know one zero', () => {
    const { last, min, max } = one([1], [-0]) as { last: number; min: number; max: number };
    expect([last, min, max].map((zero) => Object.is(zero, 0))).toEqual([true, true, true]);
  });

  it('end with the attempt that began last, not with the one that became known last', () => {
    const block = (last: number): PointBlock => ({
      keys: ['loss'],
      steps: Float64Array.of(5),
      times: null,
      values: Float64Array.of(last),
      everyValue: false,
    });
    const list = [1, 2].map((attempt): Said => ({ attempt, rank: 0, seq: 1, block: block(attempt * 10) }));
    expect(summed(list)).toMatchObject({ loss: { last: 10, last_attempt: 1 } });
    expect(summed(list.toReversed())).toMatchObject({ loss: { last: 10, last_attempt: 1 } });
  });

  it('where every value counts, are the same however the points are cut into events, and end with the last by step, time and value', () => {
    const point = fc.record({
      step: fc.integer({ min: -1, max: 2 }),
      time: fc.integer({ min: 0, max: 2 }),
      value: fc.oneof(pointValue, fc.constantFrom(1, 2)),
    });
    const blockOf = (list: readonly { step: number; time: number; value: number }[]): PointBlock => ({
      keys: ['loss'],
      steps: Float64Array.from(list, ({ step }) => step),
      times: Float64Array.from(list, ({ time }) => time),
      values: Float64Array.from(list, (each) => each.value),
      everyValue: true,
    });
    const rank = (number: number): number => (Number.isNaN(number) ? Infinity : number);
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 8 }), (list, cut) => {
        const events = (of: typeof list) =>
          [of.slice(0, cut), of.slice(cut)].flatMap((part, index) =>
            part.length > 0 ? [{ attempt: 1, rank: 0, seq: index, block: blockOf(part) }] : [],
          );
        const { loss } = summed(events(list)) as { loss: { last: number; last_step: number; last_time: number } };
        const last = list.reduce((a, b) =>
          (b.step - a.step || b.time - a.time || (rank(b.value) > rank(a.value) ? 1 : -1)) > 0 ? b : a,
        );
        expect(rank(loss.last)).toBe(rank(last.value + 0));
        expect(loss).toMatchObject({ last_step: last.step, last_time: last.time });
        expect(summed(events(list.toReversed()))).toEqual({ loss });
      }),
      { numRuns: 1_000 },
    );
  });
});

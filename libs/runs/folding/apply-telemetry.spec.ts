import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PointBlock } from '#libs/domain/event.js';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { openPostgresRunTable } from '../reading/postgres-run-table.js';
import { openRunProjectionFamily } from './run-projection.js';
import { examples } from '../run-table.examples.js';
import { addBlock } from './apply-telemetry.js';

interface Said {
  readonly attempt: number;
  readonly rank: number;
  readonly seq: number;
  readonly block: PointBlock;
}

const value = fc.oneof(fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, 1, -1), fc.double());
/** What a few writers said: of small numbers, so that steps, values and ranks meet often. */
const said = fc
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
          .array(value, { minLength: keys.length * steps.length, maxLength: keys.length * steps.length })
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
      value: fc.oneof(value, fc.constantFrom(1, 2)),
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

describe('summaries in the store', () => {
  let database: PgliteDatabase;
  beforeAll(async () => {
    database = (await openPgliteDatabase({ dir: null })).database;
  });
  afterAll(() => database.close());

  it('merge to the same in any order of partitions and batches, and repetitions at later offsets change nothing', async () => {
    const family = await openRunProjectionFamily({ database });
    let generation = (await family.live()).generation;
    const stored = async (list: readonly Said[], partitions: number, batchRecords: number) => {
      const projection = await family.openGeneration(++generation);
      await family.switchTo(generation);
      for (let partition = 0; partition < partitions; partition++) {
        const log = examples();
        for (const { block, ...source } of list)
          if (source.rank % partitions === partition)
            log.points('r', { id: `w${source.rank}`, ...source }, [...block.keys], [...block.steps], [...block.values]);
        const records = [...log.partitions().values()][0] ?? [];
        const id = { topic: 'telemetry', partition: partitions - 1 - partition } as const;
        const { epoch } = await projection.claim(id);
        for (let from = 0; from < records.length; from += batchRecords) {
          const batch = records.slice(from, from + batchRecords).map((record) => ({ ...record, ...id, appendedAt: 1 }));
          const to = from + batch.length;
          expect(await projection.apply({ partition: id, epoch, from, to, records: batch })).toBe('applied');
        }
      }
      const table = openPostgresRunTable({ database, generations: () => family.generations() });
      const shown = { summaries: (await table.summaries(['r'])).get('r'), writers: await table.writers('r') };
      await family.switchTo(generation - 1);
      await family.drop(generation);
      generation -= 1;
      return shown;
    };
    await fc.assert(
      fc.asyncProperty(said, fc.integer({ min: 1, max: 3 }), async ([list, shuffled], batchRecords) => {
        const once = await stored(list, 1, 100);
        expect(await stored([...shuffled, ...list], 3, batchRecords)).toEqual(once);
      }),
      { numRuns: 15 },
    );
  });
});

import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import type { StoredRecord } from '#libs/log/event-log.js';
import { openRunProjectionFamily } from './run-projection.js';
import { examples } from '../run-table.examples.js';
import { someData } from '../test/event-arbitraries.js';

let database: PgliteDatabase;
beforeAll(async () => {
  database = (await openPgliteDatabase({ dir: null })).database;
});
afterAll(() => database.close());

const story = fc.array(
  fc.record({
    said: someData,
    subject: fc.constantFrom('a', 'b'),
    writer: fc.option(fc.record({ rank: fc.integer({ min: 0, max: 1 }), attempt: fc.integer({ min: 1, max: 2 }) })),
    timeMs: fc.integer({ min: 1, max: 9 }),
  }),
  { minLength: 2, maxLength: 30 },
);

/** What is folded in memory must be what is stored and read again, for every event and every text. */
it('gives the same tables whether events come one by one or all at once', async () => {
  const family = await openRunProjectionFamily({ database });
  let generation = (await family.live()).generation;
  await fc.assert(
    fc.asyncProperty(story, fc.integer({ min: 1, max: 5 }), async (events, batchRecords) => {
      const log = examples();
      events.forEach(({ said, subject, writer, timeMs }, index) =>
        log.add(said.name, subject, said.data as never, {
          id: `e${index}`,
          timeMs,
          writer: writer && { id: `w${writer.rank}`, ...writer, seq: index + 1 },
        }),
      );
      const digests: string[] = [];
      for (const size of [Infinity, batchRecords]) {
        const projection = await family.openGeneration(++generation);
        for (const [partition, records] of log.partitions()) {
          const { epoch } = await projection.claim(partition);
          for (let from = 0; from < records.length;) {
            const to = Math.min(records.length, from + size);
            const batch: readonly StoredRecord[] = records.slice(from, to);
            expect(await projection.apply({ partition, epoch, from, to, records: batch })).toBe('applied');
            from = to;
          }
        }
        digests.push(await projection.digest());
        await family.drop(generation);
      }
      expect(digests[1]).toBe(digests[0]);
    }),
    { numRuns: 40 },
  );
});

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { openPostgresRunTable } from '../reading/postgres-run-table.js';
import { examples } from '../run-table.examples.js';
import { said, type Said } from '../test/said-points.js';
import { openRunProjectionFamily } from './run-projection.js';

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

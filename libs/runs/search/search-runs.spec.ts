import { afterAll, describe, expect, it } from 'vitest';
import { openPgliteDatabase } from '#libs/postgres/pglite-database.js';
import { openPostgresRunTable } from '../reading/postgres-run-table.js';
import { openRunProjectionFamily } from '../folding/run-projection.js';
import { examples } from '../run-table.examples.js';
import { totalCountMax } from './search-runs.js';

const runs = totalCountMax + 200;
const closers: (() => Promise<void>)[] = [];
afterAll(async () => Promise.all(closers.map(async (close) => close())));

/** Every fifth run has no loss; losses repeat. */
async function openMany() {
  const { database } = await openPgliteDatabase({ dir: null });
  closers.push(() => database.close());
  const family = await openRunProjectionFamily({ database });
  const live = await family.live();
  const log = examples();
  const all = Array.from({ length: runs }, (_, i) => ({ id: `r${i}`, loss: i % 5 === 0 ? null : (i * 7) % 300 }));
  for (const { id, loss } of all) {
    log.add('RunStarted', id, { project: 'p', name: id });
    if (loss !== null) log.points(id, { id: 'w', attempt: 1, rank: 0, seq: 1 }, ['loss'], [1], [loss]);
  }
  for (const [partition, records] of log.partitions()) {
    const { epoch } = await live.claim(partition);
    await live.apply({ partition, epoch, from: 0, to: records.length, records });
  }
  return { all, table: openPostgresRunTable({ database, generations: () => family.generations() }) };
}

describe('search among more runs than are counted', () => {
  it('pages through all of them in order, and through a narrow filter alike', async () => {
    const { all, table } = await openMany();
    for (const [direction, sign] of [
      ['asc', 1],
      ['desc', -1],
    ] as const) {
      for (const [filter, chosen, counted] of [
        [undefined, all, totalCountMax],
        ['metrics.loss < 50', all.filter(({ loss }) => loss !== null && loss < 50), null],
      ] as const) {
        const expected = chosen.toSorted((a, b) => {
          const byId = sign * (a.id < b.id ? -1 : 1);
          if (a.loss === null || b.loss === null) return Number(a.loss === null) - Number(b.loss === null) || byId;
          return sign * (a.loss - b.loss) || byId;
        });
        const ids: string[] = [];
        let after: string | undefined;
        do {
          const found = await table.search({
            filter,
            orderBy: `metrics.loss ${direction}`,
            first: 70,
            after,
            nowMs: 1,
          });
          expect(found.totalCount).toBe(counted ?? chosen.length);
          ids.push(...found.rows.map(({ id }) => id));
          after = found.hasNextPage ? found.cursors.at(-1) : undefined;
        } while (after !== undefined);
        expect(ids).toEqual(expected.map(({ id }) => id));
      }
    }
  });
});

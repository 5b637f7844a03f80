import { describe, expect, it } from 'vitest';
import type { RunTables } from './run-table.contract.js';
import { examples } from './run-table.examples.js';
import { feed } from './run-table.facts.contract.js';
import type { RunGrouping } from './run-table.js';

const nowMs = 1_000_000;
const odd = 'it\'s `a` \\ "b" 😀 / שלום';

/** That the run table counts all runs by what they have in common, and says how each group is found again. */
export function describeGroupedRuns(name: string, open: () => Promise<RunTables>): void {
  describe(`${name} as RunTable`, () => {
    const fill = async (tables: RunTables): Promise<void> => {
      const log = examples();
      const run = (id: string, lr: string | null, team: string | null, loss: number | null, project = 'p'): void => {
        const params = lr === null ? [] : [{ key: 'lr', json: lr }];
        log.add('RunStarted', id, {
          project,
          params,
          tags: team === null ? {} : { 'my team': team },
          group: team ?? '',
        });
        if (loss !== null) log.points(id, { id: 'w', attempt: 1, rank: 0, seq: 1 }, ['loss'], [1], [loss]);
      };
      run('a', '0.1', 'x', 1);
      run('b', '0.1', 'x', 3);
      run('c', '0.1', odd, NaN);
      run('d', '0.25', odd, 1e300);
      run('e', '0.25', odd, -1e300);
      run('f', '0.25', odd, 1e-300);
      run('g', null, null, null);
      run('h', '0.1', 'x', 7, 'q');
      run('i', '0.1', 'x', 9);
      log.add('RunDeleted', 'i');
      run('j', '0.1', 'x', 9);
      log.add('RunArchived', 'j');
      await feed(tables, log);
    };
    const asked: RunGrouping = { project: 'p', archived: false, by: [], metrics: [], first: 10, nowMs };

    it('counts groups of runs by params, tags and attributes, with what their metrics ended at', async () => {
      const tables = await open();
      await fill(tables);
      const { table } = tables;
      expect(await table.groups(asked)).toEqual({
        runCount: 7,
        groupCount: 1,
        groups: [{ values: [], count: 7, metrics: [], filter: '' }],
      });
      const byRate = await table.groups({ ...asked, by: ['params.lr'], metrics: ['nothing', 'loss'] });
      expect(byRate).toMatchObject({ runCount: 7, groupCount: 3 });
      expect(byRate.groups.map(({ values, count }) => [...values, count])).toEqual([
        ['0.1', 3],
        ['0.25', 3],
        [null, 1],
      ]);
      // NaN is no number to average
      expect(byRate.groups[0]!.metrics).toEqual([{ key: 'loss', count: 2, mean: 2, std: Math.SQRT2, min: 1, max: 3 }]);
      const [vast] = byRate.groups[1]!.metrics;
      expect(vast).toMatchObject({ count: 3, mean: 0, min: -1e300, max: 1e300 });
      expect(vast!.std! / 1e300).toBeCloseTo(1);
      expect(byRate.groups[2]!.metrics).toEqual([]);
      expect(await table.groups({ ...asked, by: ['params.lr'], first: 1 })).toMatchObject({
        runCount: 7,
        groupCount: 3,
        groups: [{ count: 3 }],
      });
    });

    it('says of each group how its runs are found, whatever their values hold', async () => {
      const tables = await open();
      await fill(tables);
      const { table } = tables;
      for (const by of [['tags.`my team`'], ['attributes.group', 'params.lr']]) {
        for (const filter of [undefined, "params.lr = '0.25' or params.lr is null"]) {
          const found = await table.groups({ ...asked, by, filter });
          const counts = found.groups.map(({ count }) => count);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(filter === undefined ? 7 : 4);
          for (const group of found.groups) {
            const page = await table.search({ project: 'p', archived: false, filter: group.filter!, first: 10, nowMs });
            expect(page.rows).toHaveLength(group.count);
          }
        }
      }
    });

    it('groups nothing by what every run has for itself, and says so', async () => {
      const { table } = await open();
      await expect(table.groups({ ...asked, by: ['metrics.loss'] })).rejects.toThrow('by: metrics.loss');
      await expect(table.groups({ ...asked, by: ['attributes.id'] })).rejects.toThrow('not by this attribute');
      await expect(table.groups({ ...asked, by: ['params.'] })).rejects.toThrow('by: expected a key');
      await expect(table.groups({ ...asked, by: ['user', 'user', 'user', 'user'] })).rejects.toThrow('at most 3');
      expect(await table.groups({ ...asked, by: ['user'] })).toEqual({ runCount: 0, groupCount: 0, groups: [] });
    });

    it('tells the keys of the newest runs of a project, those of the most runs first', async () => {
      const tables = await open();
      await fill(tables);
      const { table } = tables;
      expect(await table.keys({ project: 'p', kind: 'metrics', first: 10 })).toEqual(['loss']);
      expect(await table.keys({ project: 'p', kind: 'tags', match: 'TEAM', first: 10 })).toEqual(['my team']);
      expect(await table.keys({ project: 'p', kind: 'params', match: '%', first: 10 })).toEqual([]);
      expect(await table.keys({ project: 'none', kind: 'params', first: 10 })).toEqual([]);
    });
  });
}

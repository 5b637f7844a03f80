import { describe, expect, it } from 'vitest';
import type { RunTables } from './run-table.contract.js';
import { examples } from './run-table.examples.js';
import { feed } from './run-table.facts.contract.js';
import type { RunSearch } from './run-table.js';

const nowMs = 1_000_000;
const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);

/** That the run table answers for what it is asked about, and for nothing beside it. */
export function describeRunScopes(name: string, open: () => Promise<RunTables>): void {
  describe(`${name} as RunTable`, () => {
    it('finds the runs of the project asked for, archived or not as asked, and no deleted one', async () => {
      const tables = await open();
      const log = examples();
      for (const [run, project] of Object.entries({ a: 'p', b: 'p', c: 'q', d: 'p' }))
        log.add('RunStarted', run, { project });
      log.add('RunArchived', 'b');
      log.add('RunDeleted', 'd');
      await feed(tables, log);
      const { table } = tables;
      const found = async (more: Partial<RunSearch>): Promise<string[]> => {
        const page = await table.search({ first: 10, nowMs, ...more });
        expect(page.totalCount).toBe(page.rows.length);
        return ids(page.rows).sort();
      };
      expect(await found({})).toEqual(['a', 'b', 'c']);
      expect(await found({ project: 'p' })).toEqual(['a', 'b']);
      expect(await found({ project: 'p', archived: true })).toEqual(['b']);
      expect(await found({ archived: false })).toEqual(['a', 'c']);
      expect(await found({ project: 'none' })).toEqual([]);
      expect(await table.run('d')).toBeNull();
      expect(ids(await table.runs(['c', 'd', 'none', 'a']))).toEqual(['c', 'a']);
    });

    it('goes on behind a cursor with the query that it was given for, and with no other', async () => {
      const tables = await open();
      const log = examples();
      for (const run of ['a', 'b', 'c']) log.add('RunStarted', run, { project: 'p' });
      await feed(tables, log);
      const asked = { project: 'p', first: 1, nowMs };
      const { rows, cursors } = await tables.table.search(asked);
      const after = cursors[0];
      expect(ids((await tables.table.search({ ...asked, first: 9, after })).rows)).toEqual(
        ids([...rows, ...(await tables.table.search({ ...asked, first: 9 })).rows]).slice(2),
      );
      const others = [{ project: 'q' }, { project: undefined }, { archived: false }, { filter: "tags.a = 'b'" }];
      for (const other of others)
        await expect(tables.table.search({ ...asked, ...other, after })).rejects.toThrow('another query');
    });

    it('counts in a project the runs that are there, and forgets deleted projects', async () => {
      const tables = await open();
      const log = examples();
      for (const project of ['p', 'gone']) log.add('ProjectCreated', project);
      for (const run of ['a', 'b', 'c', 'd']) log.add('RunStarted', run, { project: 'p' });
      log.add('RunFinished', 'b', { state: 'finished', wholeRun: true });
      log.add('RunArchived', 'c');
      log.add('RunDeleted', 'd');
      log.add('ProjectDeleted', 'gone');
      await feed(tables, log);
      const { table } = tables;
      expect(await table.project('p')).toMatchObject({ runCount: 2, activeRunCount: 1 });
      expect(await table.project('gone')).toBeNull();
      const page = await table.projects({ first: 9, nowMs });
      expect([page.rows.map((row) => row.name), page.totalCount]).toEqual([['p'], 1]);
    });

    it('gives summaries and writers of the runs and keys asked for', async () => {
      const tables = await open();
      const log = examples();
      const writer = { id: 'w', attempt: 1, rank: 0, seq: 1 };
      for (const run of ['a', 'b']) {
        log.add('RunStarted', run, { project: 'p' });
        log.points(run, { ...writer, id: `w-${run}` }, ['loss', 'acc'], [1], [1, 2]);
      }
      await feed(tables, log);
      const { table } = tables;
      const keys = async (runs: string[], of?: string[]) =>
        [...(await table.summaries(runs, of))].map(([run, rows]) => [run, rows.map(({ key }) => key)]);
      expect(await keys(['b', 'none', 'a'])).toEqual([
        ['b', ['acc', 'loss']],
        ['none', []],
        ['a', ['acc', 'loss']],
      ]);
      expect(await keys(['a'], ['loss', 'none'])).toEqual([['a', ['loss']]]);
      expect(await keys(['a'], [])).toEqual([['a', []]]);
      expect((await table.writers('b')).map((row) => row.writer)).toEqual(['w-b']);
      expect(await table.verdict('none')).toBeNull();
    });

    it('reads the generation that is live at every read', async () => {
      const tables = await open();
      const log = examples();
      log.add('RunStarted', 'a', { project: 'p' });
      await feed(tables, log);
      const { family, table } = tables;
      expect(await table.run('a')).not.toBeNull();
      await family.openGeneration(2);
      await family.switchTo(2);
      expect([await table.run('a'), (await table.search({ first: 9, nowMs })).rows]).toEqual([null, []]);
      await family.switchTo(1);
      expect(await table.run('a')).not.toBeNull();
    });
  });
}

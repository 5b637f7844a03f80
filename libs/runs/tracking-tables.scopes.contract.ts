import { expect, it } from 'vitest';
import { examples } from './run-table.examples.js';
import { feed } from './run-table.facts.contract.js';
import type { OpenedTracking } from './tracking-tables.contract.js';
import type { TraceSearch } from './tracking-tables.js';

const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);
const noProject = { description: '', tags: {}, world: '', title: '' };
const trace = {
  ...{ timeMs: 1, durationMs: 1, hasDuration: true, requestPreview: '', responsePreview: '', clientRequestId: '' },
  ...{ metadata: {}, tags: {}, fromSpans: false },
};

/** That the tracking tables answer for what they are asked about, and for nothing beside it. */
export function describeTrackingScopes(open: () => Promise<OpenedTracking>): void {
  it('finds traces of the projects asked for; of all of them means of those that are not deleted', async () => {
    const tables = await open();
    const log = examples();
    for (const project of ['p', 'q', 'gone']) log.add('ProjectCreated', project, noProject);
    for (const [id, project] of Object.entries({ a: 'p', b: 'q', c: 'gone' }))
      log.add('TraceLogged', id, { ...trace, project, state: id === 'b' ? 'ERROR' : 'OK' });
    log.add('ProjectDeleted', 'gone');
    await feed(tables, log);
    const { traces } = tables.tracking;
    const found = async (projects: TraceSearch['projects'], clauses: TraceSearch['clauses'] = []) => {
      const rows = await traces.search({ projects, clauses, orders: [], limit: 9, offset: 0 });
      expect(await traces.count({ projects, clauses }, 9)).toBe(rows.length);
      return ids(rows).sort();
    };
    expect([await found(['p']), await found(['q', 'gone']), await found([])]).toEqual([['a'], ['b', 'c'], []]);
    expect(await found(null)).toEqual(['a', 'b']);
    const failed = { of: { kind: 'column', name: 'state' }, operator: '=', values: ['ERROR'] } as const;
    expect([await found(null, [failed]), await found(['p'], [failed])]).toEqual([['b'], []]);
  });

  it('gives logged models newest first, and of all projects those of projects that are not deleted', async () => {
    const tables = await open();
    const log = examples();
    for (const project of ['p', 'gone']) log.add('ProjectCreated', project, noProject);
    const model = { name: 'n', modelType: '', run: 'r', params: [], tags: {} };
    for (const [id, project] of Object.entries({ b: 'p', c: 'gone', a: 'p' }))
      log.add('LoggedModelCreated', id, { ...model, project });
    log.add('ProjectDeleted', 'gone');
    await feed(tables, log);
    const { models } = tables.tracking;
    expect(ids(await models.ofProjects(['p']))).toEqual(['a', 'b']);
    expect(ids(await models.ofProjects(null))).toEqual(['a', 'b']);
    expect(ids(await models.ofRuns(['r']))).toEqual(['a', 'c', 'b']);
    expect(await models.ofRuns(['other'])).toEqual([]);
  });

  it('keeps the files of one world from another', async () => {
    const tables = await open();
    const log = examples();
    const file = { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1, mime: 'm', artifact: '' };
    log.add('FileStored', 'r', { ...file, world: '', path: 'x/a' });
    for (const path of ['x/b', 'y']) log.add('FileStored', 'r', { ...file, world: 'team', path });
    await feed(tables, log);
    const { files } = tables.tracking;
    const below = async (world: string, path: string) => (await files.below(world, path)).map((row) => row.path);
    expect([await below('', 'x'), await below('team', 'x')]).toEqual([['x/a'], ['x/b']]);
    expect([await below('', 'y'), await below('team', 'y')]).toEqual([[], ['y']]);
    expect((await files.list('', '')).map((entry) => entry.name)).toEqual(['x']);
    expect(await files.file('', 'y')).toBeNull();
  });

  it('reads the generation that is live at every read', async () => {
    const tables = await open();
    const log = examples();
    log.add('RunStarted', 'r', { project: 'p' });
    await feed(tables, log);
    const { family, tracking } = tables;
    expect(await tracking.runs(['r'])).toHaveLength(1);
    await family.openGeneration(2);
    await family.switchTo(2);
    expect(await tracking.runs(['r'])).toEqual([]);
    await family.switchTo(1);
    expect(await tracking.runs(['r'])).toHaveLength(1);
  });
}

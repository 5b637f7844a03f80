import { describe, expect, it } from 'vitest';
import type { EventData } from '#libs/domain/event.js';
import type { ProjectionFamily } from '#libs/projecting/projection.js';
import { examples } from './run-table.examples.js';
import type { TraceSearch, TrackedSearch, TrackingTables } from './tracking-tables.js';
import type { ShownField } from './search/ast.js';
import { describeTrackingScopes } from './tracking-tables.scopes.contract.js';
import { parseFilter } from './search/parser.js';

export interface OpenedTracking {
  readonly family: ProjectionFamily;
  readonly tracking: TrackingTables;
}

async function feed(family: ProjectionFamily, log: ReturnType<typeof examples>): Promise<void> {
  const projection = await family.live();
  for (const [partition, records] of log.partitions()) {
    const { epoch, position } = await projection.claim(partition);
    const batch = { partition, epoch, from: position, to: records.length, records: records.slice(position) };
    if (batch.records.length > 0) expect(await projection.apply(batch)).toBe('applied');
  }
}

const noProject = { description: '', tags: {}, world: '', title: '' };
const search = (more: Partial<TrackedSearch>): TrackedSearch => ({
  projects: ['p'],
  deletedProjects: [],
  view: 'active',
  filter: parseFilter(more.source ?? ''),
  source: '',
  shown: null,
  orders: [],
  limit: 100,
  offset: 0,
  ...more,
});
const everyValue = (run: string, values: readonly (readonly [step: number, time: number, value: number])[]) => ({
  run,
  blocks: values.map(([step, time, value]) => ({
    keys: ['loss'],
    steps: Float64Array.of(step),
    times: Float64Array.of(time),
    values: Float64Array.of(value),
    everyValue: true,
  })),
});

/** What the run projection and the tables of the doors promise together. `open` gives empty tables. */
export function describeTrackingTables(name: string, open: () => Promise<OpenedTracking>): void {
  describe(`${name} as TrackingTables`, () => {
    describeTrackingScopes(open);

    it('lists the projects of a world with their numbers, renamed and deleted ones as well', async () => {
      const { family, tracking } = await open();
      const log = examples();
      log.add('ProjectCreated', 'a', noProject);
      log.add('ProjectCreated', 'team:a', { ...noProject, world: 'team', title: 'a' });
      log.add('ProjectCreated', 'b', noProject);
      log.add('ProjectCreated', 'Default', noProject);
      log.add('ProjectRenamed', 'a', { title: 'c' });
      log.add('ProjectCreated', 'a~2', { ...noProject, title: 'a' });
      log.add('ProjectDeleted', 'b');
      await feed(family, log);
      const seen = (await tracking.projects('')).map(({ number, title, deleted }) => [number, title, deleted]);
      expect(seen).toEqual([
        [0, 'Default', false],
        [1, 'c', false],
        [2, 'b', true],
        [3, 'a', false],
      ]);
      expect(await tracking.projects('team')).toMatchObject([{ number: 1, title: 'a', name: 'team:a' }]);
      expect(await tracking.projects('none')).toEqual([]);
    });

    it('reads runs whole, deleted or not, with the last value by step, time and value', async () => {
      const { family, tracking } = await open();
      const log = examples();
      log.add('RunStarted', 'r', { project: 'p', name: 'n', tags: { t: 'v' } });
      log.add('ParamsLogged', 'r', { params: [{ key: 'lr', json: '"0.1"' }], immutable: true });
      const { blocks } = everyValue('r', [
        [2, 50, 1],
        [2, 60, 3],
        [2, 60, 2],
        [1, 99, 9],
      ]);
      log.add('PointsLogged', 'r', { blocks });
      const dataset = { name: 'd', digest: 'x', sourceType: 'code', source: '{}', schema: '', profile: '', tags: {} };
      log.add('InputsLogged', 'r', { datasets: [dataset, { ...dataset, source: 'other' }], models: ['m-1'] });
      log.add('OutputsLogged', 'r', { models: [{ model: 'm-2', step: 4 }] });
      log.add('RunDeleted', 'r');
      await feed(family, log);
      const [run] = await tracking.runs(['none', 'r']);
      expect(run).toEqual({
        state: expect.objectContaining({ id: 'r', deleted: true }) as unknown,
        metrics: [{ key: 'loss', value: 3, step: 2, timeMs: 60 }],
        datasets: [dataset],
        modelsUsed: ['m-1'],
        modelsMade: [{ model: 'm-2', step: 4 }],
      });
    });

    it('finds runs by view and filter, in order, NaN after numbers and missing ones last', async () => {
      const { family, tracking } = await open();
      const log = examples();
      const losses: Readonly<Record<string, number | null>> = { a: 2, b: 1, c: NaN, d: null, e: Infinity };
      for (const [id, loss] of Object.entries(losses)) {
        log.add('RunStarted', id, { project: id === 'e' ? 'q' : 'p', name: `run ${id}` });
        if (loss !== null) log.add('PointsLogged', id, { blocks: everyValue(id, [[1, 1, loss]]).blocks });
      }
      const dataset = { name: 'd', digest: 'x', sourceType: '', source: '', schema: '', profile: '' };
      const tags = { 'mlflow.data.context': 'train' };
      log.add('InputsLogged', 'b', { datasets: [{ ...dataset, tags }], models: [] });
      log.add('RunDeleted', 'a');
      await feed(family, log);
      const found = async (more: Partial<TrackedSearch>) =>
        (await tracking.search(search(more))).map(({ state }) => state.id);
      const by = (descending: boolean) => [{ of: { kind: 'metrics', key: 'loss' } as const, descending }];
      expect(await found({})).toEqual(['d', 'c', 'b']);
      expect(await found({ view: 'all', orders: by(false) })).toEqual(['b', 'a', 'c', 'd']);
      expect(await found({ view: 'all', orders: by(true) })).toEqual(['a', 'b', 'c', 'd']);
      expect(await found({ view: 'deleted', deletedProjects: ['q'] })).toEqual(['e', 'a']);
      expect(await found({ view: 'all', orders: by(false), limit: 1, offset: 1 })).toEqual(['a', 'c']);
      expect(await found({ source: "datasets.name = 'd' and dataset.context in ('train', 'eval')" })).toEqual(['b']);
      expect(await found({ source: "attributes.status = 'running' and metrics.loss < 2" })).toEqual(['b']);
    });

    it('finds and orders runs by what a compatibility API shows of them', async () => {
      const { family, tracking } = await open();
      const log = examples();
      for (const id of ['a', 'b', 'c']) log.add('RunStarted', id, { project: id === 'c' ? 'q' : 'p', name: id });
      const tags = (id: string, set: Readonly<Record<string, string>>) =>
        log.add('TagsSet', id, { tags: set, removed: [], labels: [], labelsRemoved: [] });
      tags('a', { end: '5000', status: 'SCHEDULED' });
      tags('b', { end: 'no number' });
      await feed(family, log);
      const shown = {
        statusTag: 'status',
        endTag: 'end',
        locations: [
          { project: 'p', before: 's3://x/', after: '/files?y=1' },
          { project: 'q', before: 'http://x/', after: '/files' },
        ],
      };
      const of = (key: ShownField) => ({ kind: 'shown', key }) as const;
      const found = async (more: Partial<TrackedSearch>) =>
        (await tracking.search(search({ projects: ['p', 'q'], shown, ...more }))).map(({ state }) => state.id);
      const where = (key: ShownField, operator: '=' | '>' | 'like', value: string | number) =>
        found({ filter: { kind: 'compare', of: of(key), operator, value, at: 0 } });
      expect(await where('end', '>', 4_999)).toEqual(['a']);
      expect(await where('status', '=', 'SCHEDULED')).toEqual(['a']);
      expect(await where('status', '=', 'running')).toEqual(['c', 'b']);
      expect(await where('location', '=', 's3://x/b/files?y=1')).toEqual(['b']);
      expect(await where('location', 'like', '%x/%/files')).toEqual(['c']);
      expect(await found({ orders: [{ of: of('location'), descending: false }] })).toEqual(['c', 'a', 'b']);
      expect(await found({ orders: [{ of: of('end'), descending: true }] })).toEqual(['a', 'c', 'b']);
    });

    it('keeps logged models with their metrics once, and says which are deleted', async () => {
      const { family, tracking } = await open();
      const log = examples();
      const model = {
        project: 'p',
        name: 'n',
        modelType: 't',
        run: 'r',
        params: [{ key: 'k', json: '"v"' }],
        tags: {},
      };
      const metric = { key: 'acc', value: NaN, timeMs: 5, step: -1, datasetName: 'd', datasetDigest: 'x', run: 'r' };
      log.add('LoggedModelCreated', 'm-1', model);
      log.add('LoggedModelCreated', 'm-2', model);
      for (const _ of [1, 2]) log.add('LoggedModelMeasured', 'm-1', { metrics: [metric] });
      log.add('LoggedModelChanged', 'm-1', { status: 'READY', tags: { a: 'b' }, removed: [], params: [] });
      log.add('LoggedModelDeleted', 'm-2');
      await feed(family, log);
      const { models } = tracking;
      expect(await models.ofProjects(['p'])).toMatchObject([{ id: 'm-1', status: 'READY', tags: { a: 'b' } }]);
      expect(await models.ofProjects(null)).toMatchObject([{ id: 'm-1' }]);
      expect(await models.ofProjects([])).toEqual([]);
      expect(await models.ofRuns(['r', 'none'])).toMatchObject([{ id: 'm-1' }]);
      expect(await models.byId(['m-2'])).toMatchObject([{ deleted: true, status: 'PENDING', params: { k: '"v"' } }]);
      expect(await models.metrics(['m-1', 'm-2'])).toEqual(new Map([['m-1', [metric]]]));
    });

    it('tells what runs read and made, and groups data sets of runs that are there by name and digest', async () => {
      const { family, tracking } = await open();
      const log = examples();
      const dataset = (name: string, source: string, context: string) => ({
        ...{ name, digest: 'x', sourceType: 's', source, schema: '', profile: '' },
        tags: { 'mlflow.data.context': context },
      });
      log.add('ProjectCreated', 'q', noProject);
      for (const [run, project] of Object.entries({ a: 'p', b: 'p', c: 'q', d: 'p' }))
        log.add('RunStarted', run, { project, name: run });
      log.add('InputsLogged', 'a', { datasets: [dataset('Iris', 'first', 'train')], models: ['m-1'] });
      log.add('InputsLogged', 'b', {
        datasets: [dataset('Iris', 'second', 'eval'), dataset('other', '', '')],
        models: [],
      });
      log.add('InputsLogged', 'c', { datasets: [dataset('elsewhere', '', '')], models: [] });
      log.add('InputsLogged', 'd', { datasets: [dataset('of a deleted run', '', '')], models: [] });
      log.add('RunDeleted', 'd');
      log.add('ProjectDeleted', 'q');
      await feed(family, log);
      const inputs = await tracking.inputs(['a', 'none']);
      expect([...inputs.keys()]).toEqual(['a']);
      expect(inputs.get('a')).toMatchObject({ datasets: [{ source: 'first' }], modelsUsed: ['m-1'], modelsMade: [] });
      const page = { projects: ['p'], match: '', first: 9, after: undefined } as const;
      const all = await tracking.datasets(page);
      expect(all).toMatchObject({ hasNextPage: false, totalCount: 2 });
      const iris = all.rows.find(({ name }) => name === 'Iris');
      expect(iris).toMatchObject({ source: 'first', contexts: ['eval', 'train'], runCount: 2 });
      expect(new Set(iris!.runs)).toEqual(new Set(['a', 'b']));
      const names = async (more: object) =>
        (await tracking.datasets({ ...page, ...more })).rows.map(({ name }) => name);
      expect(await names({ match: 'iRI' })).toEqual(['Iris']);
      expect(await names({ projects: null })).toEqual(all.rows.map(({ name }) => name));
      expect(await names({ projects: ['q'] })).toEqual(['elsewhere']);
      expect(await names({ first: 1 })).toEqual([all.rows[0]!.name]);
      expect(await names({ after: all.cursors[0] })).toEqual([all.rows[1]!.name]);
      expect(await tracking.datasets({ ...page, after: all.cursors[1] })).toMatchObject({ rows: [], totalCount: 2 });
      await expect(tracking.datasets({ ...page, match: 'x', after: all.cursors[0] })).rejects.toThrow(/another query/);
    });

    it('lists files by folder, whatever their names hold, and forgets removed ones', async () => {
      const { family, tracking } = await open();
      const log = examples();
      const store = (path: string, world = '', more: Partial<EventData['FileStored']> = {}) => {
        const data = {
          world,
          path,
          digest: `sha256:${'0'.repeat(64)}`,
          sizeBytes: path.length,
          mime: 'm',
          artifact: '',
        };
        log.add('FileStored', 'r', { ...data, ...more });
      };
      for (const path of ['a/b.txt', 'a/c/d', 'a/c/e/f', 'a.txt', 'a0', 'a/ü %_', "a/c'/x"]) store(path);
      store('a/other', 'team');
      store('a/c/d', '', { sizeBytes: 77 });
      log.add('FileRemoved', 'r', { world: '', path: 'a/c/e/f', artifact: '' });
      await feed(family, log);
      const { files } = tracking;
      const names = async (folder: string) => (await files.list('', folder)).map((entry) => entry.name);
      expect(new Set(await names(''))).toEqual(new Set(['a', 'a.txt', 'a0']));
      expect(new Set(await names('a'))).toEqual(new Set(['b.txt', 'c', 'ü %_', "c'"]));
      expect(await files.list('', 'a/c')).toEqual([{ name: 'd', folder: false, sizeBytes: 77 }]);
      expect(await names('a/c/e')).toEqual([]);
      expect(await files.file('', 'a/c/d')).toMatchObject({ sizeBytes: 77, mime: 'm' });
      expect(await files.file('team', 'a/c/d')).toBeNull();
      const some = await files.some('', ["a/c'/x", 'a/c/e/f', 'a/c/d', 'a']);
      expect(new Set(some.map(({ path }) => path))).toEqual(new Set(["a/c'/x", 'a/c/d']));
      expect((await files.below('', 'a/c')).map(({ path }) => path)).toEqual(['a/c/d']);
      expect((await files.below('', 'a.txt')).map(({ path }) => path)).toEqual(['a.txt']);
    });

    it('joins traces and spans in whatever order they come, newest trace first', async () => {
      const { family, tracking } = await open();
      const log = examples();
      const trace = {
        project: 'p',
        durationMs: 3,
        hasDuration: true,
        state: 'OK',
        requestPreview: '',
        responsePreview: '',
      };
      const logged = (id: string, timeMs: number) =>
        log.add('TraceLogged', id, {
          ...{ ...trace, timeMs, clientRequestId: '', metadata: { m: '1' }, tags: { b: '2' } },
          fromSpans: false,
        });
      log.add('SpansLogged', 'tr-1', { spans: ['{"spanId":"2"}', '{"spanId":"1"}'] });
      log.add('SpansLogged', 'tr-1', { spans: ['{"spanId":"1"}'] });
      logged('tr-1', 5);
      logged('tr-2', 9);
      logged('tr-3', 7);
      log.add('TraceTagsSet', 'tr-1', { tags: { a: '1' }, removed: ['b'] });
      log.add('TraceDeleted', 'tr-3');
      await feed(family, log);
      const { traces } = tracking;
      const page = { projects: ['p'], clauses: [], orders: [] };
      const found = async (limit: number, offset: number) =>
        (await traces.search({ ...page, limit, offset })).map(({ id }) => id);
      expect(await found(10, 0)).toEqual(['tr-2', 'tr-1']);
      expect(await found(1, 0)).toEqual(['tr-2', 'tr-1']);
      expect(await found(1, 1)).toEqual(['tr-1']);
      const behind = async (timeMs: number, id: string) =>
        (await traces.search({ ...page, limit: 9, offset: 0, after: { timeMs, id } })).map((trace) => trace.id);
      expect(await behind(9, 'tr-2')).toEqual(['tr-1']);
      expect(await behind(9, 'tr-1')).toEqual(['tr-2', 'tr-1']);
      expect(await behind(5, 'tr-1')).toEqual([]);
      expect([await traces.count(page, 9), await traces.count(page, 1)]).toEqual([2, 1]);
      expect(await traces.count({ projects: null, clauses: [] }, 9)).toBe(2);
      expect(await traces.byId(['tr-1', 'tr-3'])).toMatchObject([{ id: 'tr-1', tags: { a: '1' }, durationMs: 3 }]);
      expect(await traces.spans(['tr-1', 'none'])).toEqual(new Map([['tr-1', ['{"spanId":"1"}', '{"spanId":"2"}']]]));
    });

    it('finds traces by what they are, what they are tagged with, what was said of them and what their spans hold', async () => {
      const { family, tracking } = await open();
      const log = examples();
      const empty = { project: 'p', requestPreview: '', responsePreview: '', clientRequestId: '' };
      const add = (id: string, timeMs: number, durationMs: number, more: Partial<EventData['TraceLogged']>) =>
        log.add('TraceLogged', id, {
          ...{ ...empty, timeMs, durationMs, hasDuration: true, state: 'OK', metadata: {}, tags: {}, fromSpans: false },
          ...more,
        });
      add('a', 10, 5, { tags: { t: "it's" }, metadata: { 'mlflow.sourceRun': 'r1' } });
      add('b', 20, 50, { tags: { t: 'other' }, state: 'ERROR', clientRequestId: 'c' });
      add('c', 30, 1, { hasDuration: false });
      log.add('TraceLinked', 'b', { runs: ['r1', 'r2'] });
      const said = { a: ['q', { feedback: { value: 0.5 } }], b: ['q', { feedback: { value: true } }], c: ['x', 5] };
      for (const [id, [name, value]] of Object.entries(said)) {
        const json = JSON.stringify({ assessment_name: name, ...(value as object) });
        log.add('TraceAssessed', id, { assessments: [{ key: 'a-1', json }], removed: [] });
      }
      log.add('TraceAssessed', 'c', { assessments: [{ key: 'a-2', json: '[1]' }], removed: [] });
      const attributes = (values: Record<string, unknown>) =>
        Object.entries(values).map(([key, value]) => ({ key, value: { stringValue: JSON.stringify(value) } }));
      const spans = [
        { spanId: '1', name: '100% sure', status: { code: 1 }, attributes: attributes({ 'mlflow.spanType': 'TOOL' }) },
        { spanId: '2', name: 'ask', status: { code: 2 }, attributes: attributes({ model: 'small', 'a.b': 7 }) },
      ];
      log.add('SpansLogged', 'c', { spans: spans.map((span) => JSON.stringify(span)) });
      await feed(family, log);
      type Clauses = TraceSearch['clauses'];
      const found = async (clauses: Clauses, orders: TraceSearch['orders'] = []) =>
        (await tracking.traces.search({ projects: ['p'], clauses, orders, limit: 9, offset: 0 })).map(({ id }) => id);
      const by = (
        of: Clauses[number]['of'],
        operator: Clauses[number]['operator'],
        ...values: (string | number)[]
      ): Clauses => [{ of, operator, values }];
      const column = (name: 'id' | 'state' | 'endMs' | 'durationMs' | 'clientRequestId') =>
        ({ kind: 'column', name }) as const;
      const key = (kind: 'tag' | 'metadata' | 'feedback' | 'expectation', name: string) =>
        ({ kind, key: name }) as const;
      expect(await found(by(key('tag', 't'), '=', "it's"))).toEqual(['a']);
      expect(await found(by(key('tag', 't'), '!=', "it's"))).toEqual(['b']);
      expect(await found(by(key('tag', 't'), 'is null'))).toEqual(['c']);
      expect(await found(by(key('tag', 't'), 'ilike', '%OTHER'))).toEqual(['b']);
      expect(await found(by(key('tag', 't'), 'like', '%\\'))).toEqual([]);
      expect(await found(by({ kind: 'run' }, '=', 'r1'))).toEqual(['b', 'a']);
      expect(await found(by({ kind: 'run' }, 'not in', 'r1'))).toEqual(['c']);
      expect(await found(by(column('state'), 'in', 'OK', 'ERROR'))).toEqual(['c', 'b', 'a']);
      expect(await found(by(column('endMs'), '>=', 15))).toEqual(['b', 'a']);
      expect(await found(by(column('clientRequestId'), 'is not null'))).toEqual(['b']);
      expect(await found(by(key('feedback', 'q'), '>', 0.25))).toEqual(['a']);
      expect(await found(by(key('feedback', 'q'), '=', 'true'))).toEqual(['b']);
      expect(await found(by(key('feedback', 'q'), 'is not null'))).toEqual(['b', 'a']);
      expect(await found(by(key('expectation', 'q'), 'is null'))).toEqual(['c', 'b', 'a']);
      expect(await found(by({ kind: 'spans' }, 'like', '%100% sure%'))).toEqual(['c']);
      expect(await found(by({ kind: 'spans' }, 'like', '%small%'))).toEqual(['c']);
      // how a span is encoded is not what it says
      for (const word of ['stringValue', 'spanId', 'attributes', 'traceId'])
        expect(await found(by({ kind: 'spans' }, 'like', `%${word}%`))).toEqual([]);
      const span = (field: 'name' | 'type' | 'status' | 'attribute', name = '') =>
        ({ kind: 'span', field, key: name }) as const;
      expect(await found(by(span('name'), '=', 'ask'))).toEqual(['c']);
      expect(await found(by(span('name'), 'rlike', '^1.*sure$'))).toEqual(['c']);
      expect(await found(by(span('name'), 'rlike', '^sure'))).toEqual([]);
      expect(await found(by(span('type'), '=', 'TOOL'))).toEqual(['c']);
      expect(await found(by(span('type'), 'in', 'LLM', 'TOOL'))).toEqual(['c']);
      expect(await found(by(span('status'), '=', 'ERROR'))).toEqual(['c']);
      expect(await found(by(span('status'), '=', 'UNSET'))).toEqual([]);
      expect(await found(by(span('attribute', 'model'), 'ilike', 'SM%'))).toEqual(['c']);
      expect(await found(by(span('attribute', 'a.b'), '=', '7'))).toEqual(['c']);
      expect(await found(by(span('attribute', 'b'), '=', '7'))).toEqual([]);
      expect(await found([], [{ of: column('durationMs'), descending: true }])).toEqual(['b', 'a', 'c']);
      expect(await found([], [{ of: key('tag', 't'), descending: false }])).toEqual(['a', 'b', 'c']);
    });
  });
}

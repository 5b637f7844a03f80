import { describe, expect, it } from 'vitest';
import type { RunTables } from './run-table.contract.js';
import { examples } from './run-table.examples.js';

const digest = `sha256:${'a'.repeat(64)}`;
const other = `sha256:${'b'.repeat(64)}`;
const artifact = { type: 'model', mime: '', metadata: {}, step: 0, hasStep: false };
const nowMs = 1_000_000;

/** Applies what the live generation does not have yet. */
export async function feed({ family }: Pick<RunTables, 'family'>, log: ReturnType<typeof examples>): Promise<void> {
  const live = await family.live();
  for (const [partition, records] of log.partitions()) {
    const { epoch, position } = await live.claim(partition);
    const batch = { partition, epoch, from: position, to: records.length, records: records.slice(position) };
    expect(await live.apply(batch)).toBe('applied');
  }
}

/** What the run table keeps beside the runs themselves: artifacts, forks, projects, keys; and what a retry must not change. */
export function describeRunFacts(name: string, open: () => Promise<RunTables>): void {
  describe(`${name} as RunTable`, () => {
    it('knows artifacts by run and by digest, and forgets those of deleted runs in the lineage', async () => {
      const tables = await open();
      const log = examples();
      for (const run of ['maker', 'again', 'user', 'gone']) log.add('RunStarted', run, { project: 'p' });
      log.add('ArtifactLogged', 'maker', { ...artifact, name: 'm', digest, sizeBytes: 7, step: 3, hasStep: true });
      log.add('ArtifactLogged', 'maker', { ...artifact, name: 'n', digest: other, sizeBytes: 9 });
      log.add('ArtifactLogged', 'again', { ...artifact, name: 'm', digest, sizeBytes: 7 });
      log.add('ArtifactUsed', 'user', { digest, name: 'm', fromRun: 'maker' });
      log.add('ArtifactUsed', 'gone', { digest, name: 'm', fromRun: '' });
      log.add('RunDeleted', 'gone');
      await feed(tables, log);
      const { table } = tables;
      expect(await table.artifacts('maker', 'logged')).toMatchObject([
        { name: 'm', digest, sizeBytes: 7, step: 3 },
        { name: 'n', digest: other, sizeBytes: 9, step: null },
      ]);
      expect(await table.artifacts('maker', 'used')).toEqual([]);
      expect(await table.artifacts('user', 'used')).toMatchObject([{ digest, metadata: { fromRun: 'maker' } }]);
      expect(await table.artifactLineage(digest)).toEqual({
        sizeBytes: 7,
        loggedBy: ['again', 'maker'],
        usedBy: ['user'],
      });
      expect(await table.artifactLineage(`sha256:${'c'.repeat(64)}`)).toEqual({
        sizeBytes: null,
        loggedBy: [],
        usedBy: [],
      });
    });

    it('lists the forks of a run and those nested in it, oldest first, without deleted ones', async () => {
      const tables = await open();
      const log = examples();
      log.add('RunStarted', 'parent', { project: 'p' });
      for (const run of ['f2', 'f1', 'f3'])
        log.add('RunForked', run, { fromRun: 'parent', fromAttempt: 1, fromStep: 40, project: 'p', name: run });
      log.add('RunForked', 'deeper', { fromRun: 'f1', fromAttempt: 0, fromStep: 5, project: 'p', name: '' });
      log.add('RunDeleted', 'f3');
      log.add('RunStarted', 'nested', { project: 'p', tags: { 'mlflow.parentRunId': 'f1' } });
      await feed(tables, log);
      const { table } = tables;
      expect((await table.children('parent', 10)).map(({ id }) => id)).toEqual(['f2', 'f1']);
      expect((await table.children('parent', 1)).map(({ id }) => id)).toEqual(['f2']);
      expect((await table.run('f1'))!.forkOf).toEqual({ run: 'parent', attempt: 1, step: 40 });
      expect((await table.run('deeper'))!.forkOf).toEqual({ run: 'f1', attempt: null, step: 5 });
      expect(await table.children('deeper', 10)).toEqual([]);
      expect((await table.children('f1', 10)).map(({ id }) => id)).toEqual(['deeper', 'nested']);
    });

    it('pages projects so that each comes once, matched by a part of the name', async () => {
      const tables = await open();
      const log = examples();
      const names = ['b%x', 'a', 'Zeta', 'b_y', 'émile', 'b'];
      names.forEach((one, i) => log.add('ProjectCreated', one, { description: one, tags: {} }, { id: `project ${i}` }));
      log.add('RunStarted', 'r', { project: 'only by its run' });
      await feed(tables, log);
      const { table } = tables;
      for (const first of [1, 2, 3, 100]) {
        const seen: string[] = [];
        let after: string | undefined;
        for (;;) {
          const page = await table.projects({ first, after, nowMs });
          expect(page.totalCount).toBe(7);
          expect(page.rows.length).toBeLessThanOrEqual(first);
          seen.push(...page.rows.map((row) => row.name));
          if (!page.hasNextPage) break;
          after = page.cursors.at(-1);
        }
        expect(seen).toHaveLength(7);
        expect(new Set(seen)).toEqual(new Set([...names, 'only by its run']));
      }
      const matched = async (match: string) =>
        (await table.projects({ first: 9, match, nowMs })).rows.map((row) => row.name);
      expect(await matched('b%')).toEqual(['b%x']);
      expect(await matched('_')).toEqual(['b_y']);
      await expect(table.projects({ first: 1, after: 'no cursor', nowMs })).rejects.toMatchObject({
        name: 'Rejection',
      });
    });

    it('gives the keys that are not revoked', async () => {
      const tables = await open();
      const log = examples();
      for (const keyId of ['k1', 'k2'])
        log.add('ApiKeyCreated', '', { keyId, name: keyId, hash: `h-${keyId}`, scopes: [] }, { id: `c-${keyId}` });
      log.add('ApiKeyRevoked', '', { keyId: 'k1' }, { id: 'x-k1' });
      log.add('ApiKeyCreated', '', { keyId: 'k1', name: 'back', hash: 'h', scopes: [] }, { id: 'again' });
      await feed(tables, log);
      expect(await tables.table.apiKeys()).toMatchObject([{ keyId: 'k2', name: 'k2', hash: 'h-k2' }]);
    });

    it('is not changed by retries at later offsets: no count, no gap, no tag, no param', async () => {
      const tables = await open();
      const log = examples();
      const writer = (seq: number) => ({ id: 'w', attempt: 1, rank: 0, seq });
      log.add('RunStarted', 'r', { project: 'p', launch: 'l' }, { writer: { ...writer(1), attempt: 0 } });
      const tag = (value: string, seq: number): void =>
        log.add('TagsSet', 'r', { tags: { stage: value } }, { writer: writer(seq) });
      const lr = (json: string, seq: number): void =>
        log.add('ParamsLogged', 'r', { params: [{ key: 'lr', json }] }, { writer: writer(seq) });
      tag('old', 2);
      lr('0.1', 3);
      tag('new', 4);
      lr('0.2', 5);
      log.points('r', writer(1), ['loss'], [1, 2], [5, 4]);
      log.points('r', writer(3), ['loss'], [3], [3]);
      log.add('RunFinished', 'r', { state: 'finished', lastTelemetrySeq: 3, lastRunsSeq: 6 }, { writer: writer(6) });
      await feed(tables, log);
      const { table } = tables;
      const state = async () => ({
        run: { ...(await table.run('r'))!, heartbeatAt: 0 },
        summaries: (await table.summaries(['r'])).get('r'),
        writers: (await table.writers('r')).map((row) => ({ ...row, lastSeenAt: 0 })),
      });
      const before = await state();
      expect(before.run).toMatchObject({ status: 'finished', tags: { stage: 'new' }, params: { lr: 0.2 } });
      expect(before.writers[0]!.topics.find(({ topic }) => topic === 'telemetry')!.gaps).toEqual([[2, 2]]);
      tag('old', 2);
      lr('0.1', 3);
      log.add(
        'RunStarted',
        'r',
        { project: 'other', name: 'late', launch: 'l' },
        { writer: { ...writer(1), attempt: 0 } },
      );
      log.points('r', writer(3), ['loss'], [3], [3]);
      log.points('r', writer(1), ['loss'], [1, 2], [5, 4]);
      await feed(tables, log);
      expect(await state()).toEqual(before);
    });
  });
}

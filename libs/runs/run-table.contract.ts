import { describe, expect, it } from 'vitest';
import { Rejection } from '#libs/domain/rejection.js';
import type { ProjectionFamily, Projection } from '#libs/projecting/projection.js';
import { examples } from './run-table.examples.js';
import type { RunTable } from './run-table.js';

export interface RunTables {
  readonly family: ProjectionFamily;
  readonly table: RunTable;
}

const nowMs = 1_000_000;

async function feed(
  projection: Projection,
  log: ReturnType<typeof examples>,
  batchRecords = 1_000,
  reversed = false,
): Promise<void> {
  const partitions = [...log.partitions()];
  for (const [partition, records] of reversed ? partitions.reverse() : partitions) {
    const claim = await projection.claim(partition);
    for (let from = claim.position; from < records.length; from += batchRecords) {
      const batch = records.slice(from, from + batchRecords);
      expect(
        await projection.apply({ partition, epoch: claim.epoch, from, to: from + batch.length, records: batch }),
      ).toBe('applied');
    }
  }
}

/** What the run projection and the run table promise together. `open` gives empty tables. */
export function describeRunTable(name: string, open: () => Promise<RunTables>): void {
  describe(`${name} as RunTable`, () => {
    it('reads back a run of two ranks with params, summaries and accounting', async () => {
      const { family, table } = await open();
      const log = examples();
      const writer = (rank: number, seq: number) => ({ id: `w${rank}`, attempt: 1, rank, seq });
      log.add(
        'RunStarted',
        'r',
        { project: 'p', name: 'other', launch: 'l', worldSize: 2 },
        { writer: { ...writer(1, 1), attempt: 0 } },
      );
      log.add(
        'RunStarted',
        'r',
        { project: 'p', name: 'zero', launch: 'l', worldSize: 2, params: [{ key: 'lr', json: '0.1' }] },
        { writer: { ...writer(0, 1), attempt: 0 } },
      );
      log.points('r', writer(0, 1), ['loss'], [0, 1], [3, 2]);
      log.points('r', writer(0, 3), ['loss'], [2], [NaN]);
      log.points('r', writer(0, 3), ['loss'], [2], [NaN]);
      log.points('r', writer(1, 1), ['loss'], [2], [-7]);
      await feed(await family.live(), log);
      const run = (await table.run('r'))!;
      expect(run).toMatchObject({
        name: 'zero',
        project: 'p',
        status: 'running',
        worldSize: 2,
        shards: 2,
        params: { lr: 0.1 },
      });
      expect(run.attempts).toMatchObject([{ number: 1, launch: 'l', fromStep: 0, toStep: 2, state: 'running' }]);
      expect((await table.summaries(['r'])).get('r')).toEqual([
        {
          key: 'loss',
          last: NaN,
          lastStep: 2,
          lastTime: 3,
          min: -7,
          minStep: 2,
          minRank: 1,
          max: 3,
          maxStep: 0,
          maxRank: 0,
          count: 4,
        },
      ]);
      const [zero] = await table.writers('r');
      expect(zero!.topics.find(({ topic }) => topic === 'telemetry')).toEqual({
        topic: 'telemetry',
        contiguousSeq: 1,
        maxSeq: 3,
        lastSeq: null,
        gaps: [[2, 2]],
      });
      expect(await table.project('p')).toMatchObject({ name: 'p', number: 0, runCount: 1, activeRunCount: 1 });
    });

    it('accounts for what a writer announced and of which nothing has come', async () => {
      const tables = await open();
      const log = examples();
      log.add('RunStarted', 'r', { project: 'p', launch: 'l' }, { writer: { id: 'w', attempt: 1, rank: 3, seq: 1 } });
      log.add(
        'RunFinished',
        'r',
        { state: 'finished', lastTelemetrySeq: 133, lastRunsSeq: 2 },
        { writer: { id: 'w', attempt: 1, rank: 3, seq: 2 } },
      );
      await feed(await tables.family.live(), log);
      const [writer, ...others] = await tables.table.writers('r');
      expect(others).toEqual([]);
      expect(writer).toMatchObject({ writer: 'w', rank: 3, state: 'finished' });
      expect(writer!.topics).toEqual([
        { topic: 'runs', contiguousSeq: 2, maxSeq: 2, lastSeq: 2, gaps: [] },
        { topic: 'telemetry', contiguousSeq: 0, maxSeq: 0, lastSeq: 133, gaps: [] },
      ]);
    });

    it('refuses a zombie, a repeated batch and a batch from elsewhere', async () => {
      const { family, table } = await open();
      const live = await family.live();
      const log = examples();
      log.add('RunStarted', 'r', { project: 'p' });
      const [partition, records] = [...log.partitions()][0]!;
      const zombie = await live.claim(partition);
      const owner = await live.claim(partition);
      const batch = { partition, from: 0, to: 1, records };
      expect(await live.apply({ ...batch, epoch: zombie.epoch })).toBe('fenced');
      expect(await table.run('r')).toBeNull();
      expect(await live.apply({ ...batch, epoch: owner.epoch })).toBe('applied');
      const digest = await live.digest();
      expect(await live.apply({ ...batch, epoch: owner.epoch })).toBe('applied');
      expect(await live.apply({ ...batch, epoch: owner.epoch, from: 5, to: 6 })).toBe('stale');
      expect(await live.digest()).toBe(digest);
    });

    it('answers commands with verdicts and sets unreadable records aside', async () => {
      const { family, table } = await open();
      const log = examples();
      log.add('ProjectCreated', 'p', {}, { id: 'first', reply: true });
      log.add('ProjectCreated', 'p', {}, { id: 'second', reply: true });
      log.add('RunArchived', 'none', {}, { id: 'third', reply: true });
      log.garbage('runs');
      await feed(await family.live(), log);
      expect(await table.verdict('first')).toEqual({ accepted: true, attempt: null });
      expect(await table.verdict('second')).toMatchObject({ accepted: false, rejection: { code: 'ALREADY_EXISTS' } });
      expect(await table.verdict('third')).toMatchObject({ accepted: false, rejection: { code: 'NOT_FOUND' } });
      expect(await table.project('p')).toMatchObject({ number: 1, runCount: 0 });
    });

    it('fills a second generation to the same digest with other batches and partitions in another order', async () => {
      const { family } = await open();
      const log = examples();
      for (let i = 0; i < 60; i++) {
        const run = `r${i % 7}`;
        const writer = { id: 'w', attempt: 1, rank: 0, seq: Math.floor(i / 14) + 1 };
        log.add(
          i % 3 === 0 ? 'RunStarted' : 'TagsSet',
          run,
          i % 3 === 0 ? { project: 'p', launch: 'l' } : { tags: { n: String(i) }, removed: i % 5 === 0 ? ['n'] : [] },
          i % 2 ? { writer } : {},
        );
        log.points(run, writer, ['loss', 'acc'], [i, i + 1], [i / 3, -i, Math.sin(i), 1 / 3]);
      }
      const live = await family.live();
      const second = await family.openGeneration(2);
      await feed(live, log, 1_000);
      await feed(second, log, 7, true);
      expect(await second.digest()).toBe(await live.digest());
      await family.switchTo(2);
      await family.drop(1);
      expect(await family.generations()).toEqual({ live: 2, all: [2] });
    });

    it('filters, orders and pages with NaN and missing values last in both directions', async () => {
      const { family, table } = await open();
      const log = examples();
      const losses = [0.5, 0.1, NaN, null, 0.3, 0.1];
      losses.forEach((loss, i) => {
        log.add('RunStarted', `r${i}`, {
          project: 'p',
          name: `n${i}`,
          params: [{ key: 'lr', json: i % 2 ? '"0.1"' : '0.1' }],
          tags: { 'a.b': 'vision' },
        });
        if (loss !== null) log.points(`r${i}`, { id: 'w', attempt: 1, rank: 0, seq: 1 }, ['loss/x y'], [1], [loss]);
      });
      await feed(await family.live(), log);
      const page = (orderBy: string, after?: string) =>
        table.search({
          project: 'p',
          filter: "params.lr = '0.1' and tags.a.b like 'vis%'",
          orderBy,
          first: 2,
          after,
          nowMs,
        });
      for (const [orderBy, expected] of [
        ['metrics.`loss/x y` asc', ['r1', 'r5', 'r4', 'r0', 'r2', 'r3']],
        ['metrics.`loss/x y` desc', ['r0', 'r4', 'r5', 'r1', 'r3', 'r2']],
      ] as const) {
        const ids: string[] = [];
        let after: string | undefined;
        for (;;) {
          const found = await page(orderBy, after);
          expect(found.totalCount).toBe(6);
          ids.push(...found.rows.map(({ id }) => id));
          if (!found.hasNextPage) break;
          after = found.cursors.at(-1);
        }
        expect(ids).toEqual(expected);
      }
      const first = await page('attributes.name desc');
      await expect(page('attributes.name asc', first.cursors[0])).rejects.toThrow('another query');
      const lost = await table.search({
        filter: 'attributes.status = \'LOST\' and params.lr < 1 and metrics."loss/x y" <= 0.1',
        first: 10,
        nowMs,
      });
      expect(lost.rows.map(({ id }) => id).sort()).toEqual(['r1', 'r5']);
    });

    it('finds no run by a comparison of its NaN but that to NaN itself', async () => {
      const { family, table } = await open();
      const log = examples();
      const values = { fine: 0.5, diverged: NaN, worst: Infinity, best: -Infinity };
      for (const [run, value] of Object.entries(values)) {
        log.add('RunStarted', run, { project: 'p' });
        log.points(run, { id: 'w', attempt: 1, rank: 0, seq: 1 }, ['loss'], [1], [value]);
      }
      log.add('RunStarted', 'silent', { project: 'p' });
      await feed(await family.live(), log);
      const found = async (filter: string): Promise<string[]> =>
        (await table.search({ filter: `metrics.loss ${filter}`, first: 10, nowMs: 0 })).rows.map(({ id }) => id).sort();
      const numbers = ['best', 'fine', 'worst'];
      for (const [filter, runs] of [
        ['> 0.4', ['fine', 'worst']],
        ['> 1e300', ['worst']],
        ['>= 0.5', ['fine', 'worst']],
        ['< 1', ['best', 'fine']],
        ['!= 0.5', ['best', 'worst']],
        ['= nan', ['diverged']],
        ["= 'NaN'", ['diverged']],
        ['is nan', ['diverged']],
        ['is not nan', numbers],
        ['!= nan', numbers],
        ['is not null', ['best', 'diverged', 'fine', 'worst']],
        ['< nan', []],
        ['>= nan', []],
        ['in (0.5, nan)', ['diverged', 'fine']],
        ['not in (0.5)', ['best', 'worst']],
      ] as const)
        expect([filter, await found(filter)]).toEqual([filter, runs]);
      expect(await found('> 0.4 or not metrics.loss > 0.4')).toEqual(numbers);
      for (const orderBy of ['metrics.loss asc', 'metrics.loss desc']) {
        const { rows } = await table.search({ orderBy, first: 10, nowMs: 0 });
        expect(
          rows
            .map(({ id }) => id)
            .slice(3)
            .sort(),
        ).toEqual(['diverged', 'silent']);
      }
    });

    it('answers any filter, order or cursor with rows or a refusal that points at the place', async () => {
      const { family, table } = await open();
      await feed(await family.live(), examples());
      const words = [
        'metrics.a',
        'params.b',
        'tags.c',
        'attributes.status',
        'attributes.started_at',
        'archived',
        'run_name',
        '=',
        '<',
        'like',
        'in',
        '(',
        ')',
        ',',
        "'x'",
        "'%\\'",
        '1',
        'nan',
        '-inf',
        '1e999',
        'and',
        'or',
        'not',
        'is',
        'null',
        '`q',
        'true',
        '.',
        '\u0000',
        '💥',
        "'2'",
      ];
      let seed = 7;
      const next = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
      const picks = Array.from({ length: 400 }, () =>
        Array.from({ length: 1 + next(8) }, () => words[next(words.length)]!).join(' '),
      );
      const plausible = words
        .slice(0, 7)
        .flatMap((left) =>
          ["= 'x'", '= 1', "like '%\\'", "in (1, 'x')", "in ('1')", 'is null', '= nan', "< 'inf'", '= true'].map(
            (right) => `${left} ${right}`,
          ),
        );
      for (const filter of [...plausible, ...picks]) {
        for (const query of [{ filter }, { orderBy: filter }]) {
          const error: unknown = await table.search({ ...query, first: 1, nowMs }).then(
            () => null,
            (failure: unknown) => failure,
          );
          if (error !== null && !(error instanceof Rejection))
            throw new Error(`${JSON.stringify(query)}: ${String(error)}`);
        }
      }
      await expect(table.search({ filter: 'metrics.loss << 1', first: 1, nowMs })).rejects.toThrow(
        /character 15\n.*\n {17}\^/,
      );
    });
  });
}

import { describe, expect, it } from 'vitest';
import { migrateShared } from './migrations.js';
import { createPostgresCheckpoints } from './postgres-checkpoints.js';
import type { SqlDatabase } from './sql-database.js';

/** What every database promises. `open` gives one that may hold earlier tests' tables. */
export function describeSqlDatabase(name: string, open: () => Promise<SqlDatabase>): void {
  describe(`${name} as SqlDatabase`, () => {
    it('gives int8 as numbers, json as values and float8 with NaN and infinities', async () => {
      const database = await open();
      const rows = await database.query(
        `select 9007199254740991::int8 as big, '{"a":[1]}'::json as doc, 'NaN'::float8 as nan, '-Infinity'::float8 as low, $1::text as text`,
        ['x'],
      );
      expect(rows).toEqual([{ big: Number.MAX_SAFE_INTEGER, doc: { a: [1] }, nan: NaN, low: -Infinity, text: 'x' }]);
    });

    it('keeps all or nothing of a transaction', async () => {
      const database = await open();
      await database.script('drop table if exists t; create table t (n int)');
      const failing = database.transaction(async (session) => {
        await session.query('insert into t values (1)');
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      await database.transaction((session) => session.query('insert into t values (2)'));
      expect(await database.query('select n from t')).toEqual([{ n: 2 }]);
    });

    it('keeps nothing of a transaction in which a statement failed, and says so, though its work went on', async () => {
      const database = await open();
      await database.script('drop table if exists t; create table t (n int)');
      const hiding = database.transaction(async (session) => {
        await session.query('insert into t values (1)');
        await session.query('select nonsense from nowhere').catch(() => undefined);
        return 'stored';
      });
      await expect(hiding).rejects.toThrow('nowhere');
      expect(await database.query('select n from t')).toEqual([]);
      await database.transaction((session) => session.query('insert into t values (2)'));
      expect(await database.query('select n from t')).toEqual([{ n: 2 }]);
    });

    it('does not make a query from outside a part of the open transaction', async () => {
      const database = await open();
      await database.script('drop table if exists t; create table t (n int)');
      let outside: Promise<unknown> | undefined;
      const failing = database.transaction(async (session) => {
        await session.query('insert into t values (1)');
        outside = database.query('insert into t values (2)');
        await session.query('select n from t');
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      await outside;
      expect(await database.query('select n from t')).toEqual([{ n: 2 }]);
    });

    it('runs a script outside any transaction', async () => {
      const database = await open();
      await database.script('drop table if exists t; create table t (n int)');
      await database.script('vacuum t');
    });

    it('keeps concurrent transactions apart', async () => {
      const database = await open();
      await database.script('drop table if exists t; create table t (n int); insert into t values (0)');
      await Promise.all(
        Array.from({ length: 8 }, () =>
          database.transaction(async (session) => {
            const [row] = await session.query<{ n: number }>('select n from t for update');
            await session.query('update t set n = $1', [row!.n + 1]);
          }),
        ),
      );
      expect(await database.query('select n from t')).toEqual([{ n: 8 }]);
    });

    it('reports a mistake in the SQL and goes on', async () => {
      const database = await open();
      await expect(database.query('select nonsense from nowhere')).rejects.toThrow('SQL failed');
      expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
    });

    it('migrates once however often and however many ask', async () => {
      const database = await open();
      await Promise.all([migrateShared(database), migrateShared(database)]);
      await migrateShared(database);
      expect(await database.query('select version from runstream.migrations')).toEqual([
        { version: 1 },
        { version: 2 },
        { version: 3 },
      ]);
    });

    it('moves a checkpoint only for its owner and from where it stands', async () => {
      const database = await open();
      await migrateShared(database);
      const checkpoints = createPostgresCheckpoints(database);
      await checkpoints.remove('points@1');
      const partition = { topic: 'telemetry', partition: 3 } as const;
      const zombie = await checkpoints.claim('points@1', partition);
      const owner = await checkpoints.claim('points@1', partition);
      const letter = {
        ...partition,
        projection: 'points@1',
        offset: 2,
        reason: 'r',
        record: { ...partition, key: 'k', headers: {}, value: new Uint8Array([0, 255]), offset: 2, appendedAt: 1 },
      };
      const letters = () =>
        database.query(
          'select partition, "offset", reason, key, value from runstream.dead_letters where projection = $1',
          ['points@1'],
        );
      expect(owner.epoch).toBe(zombie.epoch + 1);
      expect(
        await checkpoints.advance('points@1', partition, {
          epoch: zombie.epoch,
          from: 0,
          to: 5,
          deadLetters: [letter],
        }),
      ).toBe('fenced');
      // a checkpoint moves with its letters, or not at all
      const unstorable = { ...letter, offset: 0.5 };
      await expect(
        checkpoints.advance('points@1', partition, { epoch: owner.epoch, from: 0, to: 5, deadLetters: [unstorable] }),
      ).rejects.toThrow();
      expect([await checkpoints.all('points@1'), await letters()]).toEqual([new Map([['telemetry/3', 0]]), []]);
      expect(
        await checkpoints.advance('points@1', partition, { epoch: owner.epoch, from: 0, to: 5, deadLetters: [letter] }),
      ).toBe('applied');
      expect(
        await checkpoints.advance('points@1', partition, { epoch: owner.epoch, from: 0, to: 5, deadLetters: [] }),
      ).toBe('applied');
      expect(
        await checkpoints.advance('points@1', partition, { epoch: owner.epoch, from: 9, to: 12, deadLetters: [] }),
      ).toBe('stale');
      expect(await checkpoints.all('points@1')).toEqual(new Map([['telemetry/3', 5]]));
      const stored = { partition: 'telemetry/3', offset: 2, reason: 'r', key: 'k', value: 'AP8=' };
      expect(await letters()).toEqual([stored]);
      await checkpoints.remove('points@1');
      expect([await checkpoints.all('points@1'), await letters()]).toEqual([new Map(), []]);
    });

    it('remembers what a store held, and gives a lease to one at a time', async () => {
      const database = await open();
      await migrateShared(database);
      const checkpoints = createPostgresCheckpoints(database);
      expect(await checkpoints.remembered('points@7')).toBeNull();
      await checkpoints.remember('points@7', '[1]');
      await checkpoints.remember('points@7', '[2]');
      expect(await checkpoints.remembered('points@7')).toBe('[2]');
      await checkpoints.claim('other@7', { topic: 'runs', partition: 0 });
      await checkpoints.claim('other@7', { topic: 'runs', partition: 1 });
      await checkpoints.claim('another@7', { topic: 'runs', partition: 0 });
      expect(await checkpoints.names('other@')).toEqual(['other@7']);
      await checkpoints.remove('points@7');
      expect(await checkpoints.remembered('points@7')).toBeNull();
      expect(await checkpoints.lease('mending', 'a', 60_000)).toBe(true);
      expect(await checkpoints.lease('mending', 'b', 60_000)).toBe(false);
      expect(await checkpoints.lease('mending', 'a', 0)).toBe(true);
      expect(await checkpoints.lease('mending', 'b', 60_000)).toBe(true);
      await checkpoints.lease('mending', 'b', 0);
    });

    it('holds partitions against owners and claims until let go, or until the lease ends', async () => {
      const database = await open();
      await migrateShared(database);
      const checkpoints = createPostgresCheckpoints(database);
      await checkpoints.remove('points@2');
      const partition = { topic: 'telemetry', partition: 0 } as const;
      const { epoch } = await checkpoints.claim('points@2', partition);
      const move = { from: 0, to: 1, deadLetters: [] };
      await checkpoints.hold('points@2', 60_000);
      expect(await checkpoints.advance('points@2', partition, { ...move, epoch })).toBe('fenced');
      await expect(checkpoints.claim('points@2', partition)).rejects.toThrow('is held');
      await checkpoints.hold('points@2', 0);
      const again = await checkpoints.claim('points@2', partition);
      expect(again).toEqual({ epoch: epoch + 3, position: 0 });
      expect(await checkpoints.advance('points@2', partition, { ...move, epoch: again.epoch })).toBe('applied');
      await checkpoints.hold('points@2', 300);
      await expect
        .poll(() => checkpoints.claim('points@2', partition).catch((error: unknown) => (error as Error).message))
        .toMatchObject({ position: 1 });
    });
  });
}

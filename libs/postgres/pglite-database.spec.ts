import { mkdtemp, rm, writeFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Unavailable } from '#libs/domain/rejection.js';
import { openPgliteDatabase, type PgliteDatabase } from './pglite-database.js';
import { describeSqlDatabase } from './sql-database.contract.js';

let shared: PgliteDatabase;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'runstream-pglite-'));
  shared = (await openPgliteDatabase({ dir: null })).database;
});
afterAll(async () => {
  await shared.close();
  await rm(dir, { recursive: true, force: true });
});
describeSqlDatabase('PGlite', async () => shared);

describe('PGlite folder', () => {
  it('keeps committed rows over a clean stop and notices an unclean one', async () => {
    const first = await openPgliteDatabase({ dir });
    expect(first.cleanStop).toBe(true);
    await first.database.script('create table kept (n int); insert into kept values (1)');
    await first.database.close();

    const second = await openPgliteDatabase({ dir });
    expect(second.cleanStop).toBe(true);
    expect(await second.database.query('select n from kept')).toEqual([{ n: 1 }]);
    await second.database.crash();
    await second.database.close();

    const third = await openPgliteDatabase({ dir });
    expect(third.cleanStop).toBe(false);
    await third.database.close();
  });

  it('rolls back when the worker dies in a transaction and serves again', async () => {
    const { database } = await openPgliteDatabase({ dir });
    await database.script('create table half (n int)');
    const broken = database.transaction(async (session) => {
      await session.query('insert into half values (1)');
      await database.crash();
      await session.query('insert into half values (2)');
    });
    await expect(broken).rejects.toBeInstanceOf(Unavailable);
    expect(await database.query('select n from half')).toEqual([]);
    await database.close();
  });

  it('does not trust a folder that was in use when the machine went down', async () => {
    const before = await openPgliteDatabase({ dir, bootId: () => 'boot 1' });
    await before.database.script('create table unsynced (n int)');
    await before.database.crash();
    // our own crash leaves the system's cache whole
    const same = await openPgliteDatabase({ dir, bootId: () => 'boot 1' });
    expect(same.damaged).toBeNull();
    expect(await same.database.query('select n from unsynced')).toEqual([]);
    await same.database.crash();
    const after = await openPgliteDatabase({ dir, bootId: () => 'boot 2' });
    expect(after.damaged).toBe(join(dir, 'damaged-1'));
    await expect(after.database.query('select n from unsynced')).rejects.toThrow(/unsynced/);
    await after.database.close();
  });

  it('moves a damaged folder aside and starts afresh', async () => {
    for (const name of ['PG_VERSION', 'global/pg_control']) await writeFile(join(dir, 'data', name), 'garbage');
    const { database, cleanStop, damaged } = await openPgliteDatabase({ dir });
    expect(cleanStop).toBe(false);
    expect(damaged).toBe(join(dir, 'damaged-2'));
    expect(await readdir(damaged!)).toContain('PG_VERSION');
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
    await database.close();
  });
});

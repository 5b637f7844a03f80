import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresRig, postgresMissing, type PostgresRig } from '../../test/rigs/postgres-rig.js';
import { openTcpProxy } from '../../test/rigs/tcp-proxy.js';
import { PostgresDatabase } from './postgres-database.js';
import { classOfSqlState, sqlErrorClasses } from './sql-errors.js';

const mountable = process.getuid?.() === 0 && process.platform === 'linux';

/** Every way in which a store can be away, said by the server itself. */
describe.skipIf(postgresMissing() !== null)('what a PostgreSQL server says', () => {
  let rig: PostgresRig;
  let url: string;
  let database: PostgresDatabase;
  beforeAll(async () => {
    rig = await openPostgresRig();
    url = await rig.database('errors');
    database = new PostgresDatabase({ url });
  });
  afterAll(async () => {
    await database.close();
    await rig.close();
  });

  const said = async (work: () => Promise<unknown>): Promise<{ name: string; message: string }> => {
    const error = (await work().then(
      () => new Error('nothing'),
      (reason: unknown) => reason,
    )) as Error;
    return { name: error.name, message: error.message };
  };

  it('is read by one list: each code over the wire is what the list says it is', async () => {
    const names = {
      repeated: 'Unavailable',
      waited: 'Unavailable',
      refused: 'Rejection',
      damaged: 'Unavailable',
      missing: 'Unavailable',
    };
    for (const [kind, codes] of Object.entries(sqlErrorClasses))
      for (const code of codes.map((code) => (code.length === 2 ? `${code}001` : code))) {
        const raised = `do $$ begin raise exception 'as asked' using errcode = '${code}'; end $$`;
        expect([code, (await said(() => database.script(raised))).name]).toEqual([code, names[kind as never]]);
      }
    expect((await said(() => database.query('select nonsense'))).name).toBe('Error');
    expect(['42703', '23505', '42601'].map(classOfSqlState)).toEqual(['fatal', 'fatal', 'fatal']);
  });

  it('waits where the server is read-only, cancels, ends a session or runs out of time', async () => {
    await database.script('create table kept (n int)');
    const session = (setting: string, work: string) => () =>
      database.transaction(async (held) => {
        await held.query(setting);
        await held.query(work);
      });
    const cases: Record<string, () => Promise<unknown>> = {
      25006: session('set transaction read only', 'insert into kept values (1)'),
      57014: session("set local statement_timeout = '50ms'", 'select pg_sleep(60)'),
      '57P01': () => database.query('select pg_terminate_backend(pg_backend_pid())'),
      '25P03|terminated': () =>
        database.transaction(async (held) => {
          await held.query("set local idle_in_transaction_session_timeout = '50ms'");
          await new Promise((resolve) => setTimeout(resolve, 500));
          await held.query('select 1');
        }),
      '55P03|repeated': async () => {
        const holder = new pg.Client({ connectionString: url });
        await holder.connect();
        await holder.query('begin; lock table kept');
        try {
          await session("set local lock_timeout = '50ms'", 'select * from kept')();
        } finally {
          await holder.end();
        }
      },
      42501: async () => {
        await database.script('drop role if exists nobody; create role nobody');
        await session('set local role nobody', 'select * from kept')();
      },
      '28000|28P01|28': async () => {
        const stranger = new PostgresDatabase({ url: url.replace('postgres@', 'stranger@') });
        try {
          await stranger.query('select 1');
        } finally {
          await stranger.close();
        }
      },
      '3D000': async () => {
        const nowhere = new PostgresDatabase({ url: `${url}-gone` });
        try {
          await nowhere.query('select 1');
        } finally {
          await nowhere.close();
        }
      },
      53300: async () => {
        await database.script('create role narrow login connection limit 0');
        const narrow = new PostgresDatabase({ url: url.replace('postgres@', 'narrow@') });
        try {
          await narrow.query('select 1');
        } finally {
          await narrow.close();
        }
      },
    };
    for (const [codes, work] of Object.entries(cases))
      expect(await said(work)).toEqual({ name: 'Unavailable', message: expect.stringMatching(new RegExp(codes)) });
    expect(await database.query('select count(*)::int as n from kept')).toEqual([{ n: 0 }]);
  });

  it.skipIf(!mountable)('waits while its disk is full, and reads go on', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'runstream-space-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', dir]);
    try {
      execFileSync('chown', ['postgres:postgres', dir]);
      await database.query(`create tablespace small location '${dir}'`);
      await database.script('create table grows (text text) tablespace small; insert into grows values (1)');
      const grow = () =>
        database.query('insert into grows select repeat(md5(g::text), 20) from generate_series(1, 20000) g');
      expect(await said(grow)).toEqual({
        name: 'Unavailable',
        message: expect.stringMatching(/53100.*disk is full.*free some space/),
      });
      expect(await database.query('select count(*)::int as n from grows')).toEqual([{ n: 1 }]);
      await database.script('drop table grows');
      await database.script('drop tablespace small');
    } finally {
      execFileSync('umount', ['-l', dir]);
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('is not waited for behind a connection that only we hold to be open, and is where the statement takes long', async () => {
    const proxy = await openTcpProxy(new URL(url).host);
    const behind = new PostgresDatabase({ url: url.replace(new URL(url).host, proxy.address), connectionsMax: 2 });
    try {
      expect(await behind.query('select 1 as n, pg_sleep(9)')).toMatchObject([{ n: 1 }]);
      proxy.freeze();
      const begun = performance.now();
      expect(await said(() => behind.query('select 1'))).toMatchObject({ name: 'Unavailable' });
      expect(await said(() => behind.transaction((held) => held.query('select 1')))).toMatchObject({
        name: 'Unavailable',
      });
      expect(performance.now() - begun).toBeLessThan(60_000);
      proxy.thaw();
      await expect.poll(() => behind.query('select 2 as n').catch(() => null)).toEqual([{ n: 2 }]);
    } finally {
      await behind.close();
      await proxy.close();
    }
  });
});

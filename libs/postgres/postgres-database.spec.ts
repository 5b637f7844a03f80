import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresRig, postgresMissing, type PostgresRig } from '../../test/rigs/postgres-rig.js';
import { migrateShared } from './migrations.js';
import { PostgresDatabase } from './postgres-database.js';
import { PostgresSignals } from './postgres-signals.js';

describe.skipIf(postgresMissing() !== null)('a PostgreSQL server', () => {
  let rig: PostgresRig;
  let url: string;
  beforeAll(async () => {
    rig = await openPostgresRig();
    url = await rig.database('spec');
  });
  afterAll(() => rig?.close());

  it('that is killed in the middle of a transaction is unavailable, for the moment and for nobody else', async () => {
    const database = new PostgresDatabase({ url });
    const cut = database.transaction(async (session) => {
      await session.query('select 1');
      await rig.kill();
      // long enough for the broken connection to be noticed while nothing is asked of it
      await new Promise((resolve) => setTimeout(resolve, 200));
      await session.query('select 2');
    });
    await expect(cut).rejects.toMatchObject({ name: 'Unavailable' });
    await rig.start();
    expect(await database.query('select 3 as three')).toEqual([{ three: 3 }]);
    await database.close();
  });

  it('lets others go on when a process stalls inside a transaction, and tells that one', async () => {
    const [stalled, other] = [new PostgresDatabase({ url }), new PostgresDatabase({ url })];
    const begun = performance.now();
    const held = stalled.transaction(async (session) => {
      await session.query('select pg_advisory_xact_lock(1)');
      await new Promise((resolve) => setTimeout(resolve, 14_000));
      await session.query('select 1');
    });
    held.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await other.transaction((session) => session.query('select pg_advisory_xact_lock(1)'));
    expect(performance.now() - begun).toBeLessThan(14_000);
    await expect(held).rejects.toMatchObject({ name: 'Unavailable' });
    await Promise.all([stalled.close(), other.close()]);
  });

  it('has its shared tables made once by however many processes that start together', async () => {
    const databases = Array.from({ length: 6 }, () => new PostgresDatabase({ url, connectionsMax: 2 }));
    await Promise.all(databases.map((database) => migrateShared(database)));
    expect(await databases[0]!.query('select version from runstream.migrations order by version')).toEqual([
      { version: 1 },
      { version: 2 },
      { version: 3 },
    ]);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('takes the shared tables of version 1 to the newest, with what is in them', async () => {
    const old = new PostgresDatabase({ url: await rig.database('old') });
    await old.script(`create schema runstream;
      create table runstream.migrations (version int primary key); insert into runstream.migrations values (1);
      create table runstream.checkpoints (projection text not null, partition text not null, epoch bigint not null, position bigint not null, primary key (projection, partition));
      create table runstream.dead_letters (projection text not null, partition text not null, "offset" bigint not null, reason text not null, key text not null, headers json not null, value text not null, appended_at bigint not null, primary key (projection, partition, "offset"));
      create table runstream.generations (family text not null, generation int not null, live boolean not null, version int not null, primary key (family, generation));
      insert into runstream.checkpoints values ('runs@1', 'runs/0', 3, 41)`);
    await migrateShared(old);
    expect(await old.query('select * from runstream.checkpoints')).toEqual([
      { projection: 'runs@1', partition: 'runs/0', epoch: 3, position: 41, held_until: 0 },
    ]);
    await old.close();
  });

  it('carries hints from one process to another, also after it was killed', async () => {
    const [a, b] = [new PostgresDatabase({ url }), new PostgresDatabase({ url })];
    const [says, hears] = [new PostgresSignals(url, a), new PostgresSignals(url, b)];
    const moved = new Map<string, number>();
    const wanted = new Map<string, number>();
    const verdicts: string[] = [];
    let listening = 0;
    let looked = 0;
    hears.listen({
      moved: (projection, partition, position) => moved.set(`${projection} ${partition}`, position),
      wanted: (projection, partition, position) => wanted.set(`${projection} ${partition}`, position),
      looked: () => (looked += 1),
      verdicts: (ids) => verdicts.push(...ids),
      listening: () => (listening += 1),
    });
    await expect.poll(() => listening).toBe(1);
    // more than one message can carry
    for (let partition = 0; partition < 500; partition++) says.tellMoved('points', `telemetry/${partition}`, partition);
    says.tellMoved('points', 'telemetry/3', 99);
    for (const position of [5, 8, 6]) says.tellWanted('runs', 'runs/1', position);
    const ids = Array.from({ length: 100 }, (_, i) => `event-${i}`);
    says.tellVerdicts(ids);
    says.tellLooked();
    await expect.poll(() => [moved.size, verdicts.length]).toEqual([500, 100]);
    await expect.poll(() => looked).toBe(1);
    expect([moved.get('points telemetry/3'), moved.get('points telemetry/499'), verdicts]).toEqual([99, 499, ids]);
    expect([...wanted]).toEqual([['runs runs/1', 8]]);
    await rig.kill();
    await rig.start();
    await expect.poll(() => listening).toBe(2);
    says.tellMoved('runs', 'runs/0', 7);
    await expect.poll(() => moved.get('runs runs/0')).toBe(7);
    await Promise.all([says.close(), hears.close()]);
    await Promise.all([a.close(), b.close()]);
  });
});

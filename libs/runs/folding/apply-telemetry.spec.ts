import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { blockOf, TelemetrySaid, w } from '../test/telemetry-said.js';
import { applyTelemetry } from './apply-telemetry.js';
import { openRunProjectionFamily } from './run-projection.js';

describe('a batch of telemetry in the store', () => {
  let database: PgliteDatabase;
  let log: TelemetrySaid;
  beforeAll(async () => {
    database = (await openPgliteDatabase({ dir: null })).database;
    await (await openRunProjectionFamily({ database })).live();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    log = new TelemetrySaid();
    for (const table of ['seqs', 'seen_ids', 'liveness', 'beats', 'summaries'])
      await database.query(`delete from runs_g1.${table}`);
  });
  const apply = async (): Promise<void> => applyTelemetry(database, 'runs_g1', 'telemetry/0', log.take());
  const rows = (table: string, order: string) =>
    database.query<Record<string, unknown>>(`select * from runs_g1.${table} order by ${order}`);

  it('is nothing when it is empty', async () => {
    await apply();
    expect(await rows('seqs', 'run')).toEqual([]);
  });

  it('is merged with what is there: last, lowest and highest value each with its step and rank', async () => {
    log.points('a', w(1), 10, [blockOf(['loss'], [1, 2, 3], [5, 4, 6])]);
    await apply();
    log.points('a', w(2), 13, [blockOf(['loss'], [5], [2])]);
    await apply();
    expect(await rows('summaries', 'key')).toMatchObject([
      { count: 4, last: 2, last_step: 5, last_seq: 2, last_time: 1_002, min: 2, min_step: 5, max: 6, max_step: 3 },
    ]);
    log.points('a', w(3, { rank: 1 }), 14, [blockOf(['loss'], [4], [9])]);
    await apply();
    expect(await rows('summaries', 'key')).toMatchObject([
      { count: 5, last: 2, last_rank: 0, min: 2, min_step: 5, min_rank: 0, max: 9, max_step: 4, max_rank: 1 },
    ]);
    // what was sent again after the first time is known by the stored ledger
    log.points('a', w(2), 20, [blockOf(['loss'], [5], [2])]);
    await apply();
    expect(await rows('summaries', 'key')).toMatchObject([{ count: 5 }]);
  });

  it('keeps the newest sign of life of a run and of each attempt', async () => {
    for (const [attempt, at] of [[1, 50], [2, 45]] as const) log.say('HeartbeatSent', 'a', w(1, { attempt }), at); // prettier-ignore
    await apply();
    log.say('HeartbeatSent', 'a', w(2), 10);
    log.say('HeartbeatSent', 'a', w(2, { attempt: 2 }), 70);
    await apply();
    expect(await rows('liveness', 'run')).toEqual([{ run: 'a', seen_at: 70 }]);
    expect(await rows('beats', 'attempt')).toEqual([
      { run: 'a', attempt: 1, beat_at: 50 },
      { run: 'a', attempt: 2, beat_at: 70 },
    ]);
  });

  it('forgets ids by the time of its last record', async () => {
    const weekMs = 7 * 24 * 3_600_000;
    log.points('a', null, 1_000, [blockOf(['loss'], [1], [1])]);
    await apply();
    log.points('a', null, 1_001 + weekMs, [blockOf(['loss'], [2], [1])]);
    log.points('a', w(1), 1_000 + weekMs, [blockOf(['loss'], [3], [1])]);
    await apply();
    expect(await rows('seen_ids', 'event_id')).toHaveLength(2);
    log.points('a', null, 1_001 + weekMs, [blockOf(['loss'], [4], [1])]);
    await apply();
    expect(await rows('seen_ids', 'event_id')).toMatchObject([{ event_id: 'e2' }, { event_id: 'e4' }]);
  });
});

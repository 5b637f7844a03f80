import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventHead, Topic } from '#libs/domain/event.js';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import { by, head } from '../test/events-of-writers.js';
import { openRunProjectionFamily } from './run-projection.js';
import { loadLedger, storeLedger } from './seq-ledger-rows.js';
import { seenIdsKeptMs, type SeqLedger } from './seq-ledger.js';

describe('the stored ledger of sequence numbers', () => {
  const schema = 'runs_g1';
  let database: PgliteDatabase;
  beforeAll(async () => {
    database = (await openPgliteDatabase({ dir: null })).database;
    await (await openRunProjectionFamily({ database })).live();
  });
  afterAll(() => database.close());
  const load = (events: readonly EventHead[], partition = 'telemetry/0', topic: Topic = 'telemetry') =>
    loadLedger(database, { schema, topic, partition }, events);
  const store = (ledger: SeqLedger, appendedAt: number, partition = 'telemetry/0', topic: Topic = 'telemetry') =>
    storeLedger(database, { schema, topic, partition }, ledger, appendedAt);
  const rowsOf = (run: string) =>
    database.query<Record<string, unknown>>(`select * from ${schema}.seqs where run = $1 order by attempt, writer, topic`, [run]); // prettier-ignore
  const idsOf = async (partition: string) =>
    (
      await database.query<{ event_id: string }>(
        `select event_id from ${schema}.seen_ids where partition = $1 order by event_id`,
        [partition],
      )
    ).map(({ event_id }) => event_id);

  it('goes on where the one before has ended: numbers with their gaps, lowest rank, newest sign of life, first and last step', async () => {
    const first = await load([by('r-go', 1)]);
    for (const seq of [1, 2, 5]) expect(first.take(by('r-go', seq, 'w', 3), 1, 50)).toBe(true);
    first.steps(by('r-go', 5), 1, 10, 20);
    await store(first, 50);
    expect(await rowsOf('r-go')).toMatchObject([
      { attempt: 1, writer: 'w', topic: 'telemetry', rank: 3, contiguous: 2, above: [[5, 5]], first_step: 10, last_step: 20, last_seen: 50 },
    ]); // prettier-ignore

    const second = await load([by('r-go', 2), by('r-go', 3)]);
    for (const seq of [1, 2, 5]) expect(second.take(by('r-go', seq), 1, 60)).toBe(false);
    expect(second.take(by('r-go', 3, 'w', 2), 1, 40)).toBe(true);
    second.steps(by('r-go', 3), 1, 15, 18);
    await store(second, 60);
    const kept = { rank: 2, contiguous: 3, above: [[5, 5]], first_step: 10, last_step: 20, last_seen: 50 };
    expect(await rowsOf('r-go')).toMatchObject([kept]);

    const third = await load([by('r-go', 4)]);
    expect(third.take(by('r-go', 4, 'w', 7), 1, 70)).toBe(true);
    third.steps(by('r-go', 4), 1, 5, 30);
    await store(third, 70);
    expect(await rowsOf('r-go')).toMatchObject([
      { rank: 2, contiguous: 5, above: [], first_step: 5, last_step: 30, last_seen: 70 },
    ]);
  });

  it('keeps the numbers of each topic apart', async () => {
    for (const topic of ['runs', 'telemetry'] as const) {
      const ledger = await load([by('r-topic', 1)], `${topic}/0`, topic);
      expect(ledger.take(by('r-topic', 1), 1, 5)).toBe(true);
      await store(ledger, 5, `${topic}/0`, topic);
    }
    expect(await rowsOf('r-topic')).toHaveLength(2);
  });

  it('writes only what it has taken: what others have written meanwhile stays', async () => {
    for (const writer of ['a', 'b']) {
      const ledger = await load([by('r-both', 1, writer)]);
      ledger.take(by('r-both', 1, writer), 1, 5);
      await store(ledger, 5);
    }
    const both = [by('r-both', 2, 'a'), by('r-both', 2, 'b')];
    const [mine, theirs] = [await load(both), await load(both)];
    expect(theirs.take(both[1]!, 1, 9)).toBe(true);
    await store(theirs, 9);
    expect(mine.take(both[0]!, 1, 8)).toBe(true);
    expect(mine.take(by('r-both', 1, 'b'), 1, 8)).toBe(false);
    await store(mine, 8);
    expect(await rowsOf('r-both')).toMatchObject([
      { writer: 'a', contiguous: 2, last_seen: 8 },
      { writer: 'b', contiguous: 2, last_seen: 9 },
    ]);
  });

  it('keeps ids for a week by the log’s clock, each partition its own', async () => {
    const [old, young, other] = [head('r', null, 'old'), head('r', null, 'young'), head('r', null, 'other')];
    for (const [event, partition, at] of [[old, 'p/0', 1_000], [young, 'p/0', 1_001], [other, 'p/1', 1_000]] as const) {
      const ledger = await load([event], partition);
      expect(ledger.take(event, 1, at)).toBe(true);
      await store(ledger, at, partition);
    } // prettier-ignore
    expect((await load([old], 'p/1')).take(old, 1, 2_000)).toBe(true);
    const next = await load([old, young], 'p/0');
    expect([next.take(old, 1, 2_000), next.take(young, 1, 2_000)]).toEqual([false, false]);
    // nothing new without a writer: nothing is thrown away either
    await store(next, 1_001 + seenIdsKeptMs, 'p/0');
    expect([await idsOf('p/0'), await idsOf('p/1')]).toEqual([['old', 'young'], ['other']]);
    expect(next.take(head('r', null, 'new'), 1, 1_001 + seenIdsKeptMs)).toBe(true);
    await store(next, 1_001 + seenIdsKeptMs, 'p/0');
    expect([await idsOf('p/0'), await idsOf('p/1')]).toEqual([['new', 'young'], ['other']]);
  });
});

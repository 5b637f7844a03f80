import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { StoredRecord } from '#libs/log/event-log.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';
import { openPgliteDatabase, type PgliteDatabase } from '#libs/postgres/pglite-database.js';
import type { SqlDatabase } from '#libs/postgres/sql-database.js';
import { Progress } from '#libs/projecting/progress.js';
import { projectorLimits, runProjector } from '#libs/projecting/projector.js';
import { openPostgresRunTable } from '../reading/postgres-run-table.js';
import { openRunProjectionFamily } from './run-projection.js';
import { examples } from '../run-table.examples.js';

const events = 120;

/** The database whose worker dies in the middle of chosen transactions, or right after their commit, before the answer is heard. */
function dying(database: PgliteDatabase, diesAt: (transaction: number) => 'inside' | 'after' | null): SqlDatabase {
  let count = 0;
  return {
    embedded: true,
    query: (text, parameters) => database.query(text, parameters),
    script: (text) => database.script(text),
    close: () => database.close(),
    transaction: async (work) => {
      const death = diesAt(++count);
      const result = await database.transaction(async (session) => {
        const done = await work(session);
        if (death === 'inside') await database.crash();
        return done;
      });
      if (death === 'after') {
        await database.crash();
        // the commit stands, but the projector is told of a failure
        throw new Unavailable('the answer was lost');
      }
      return result;
    },
  };
}

function story(): StoredRecord[] {
  const log = examples();
  log.add('RunStarted', 'r', { project: 'p', launch: 'l' }, { writer: { id: 'w', attempt: 1, rank: 0, seq: 1 } });
  for (let seq = 1; seq <= events; seq++)
    log.points('r', { id: 'w', attempt: 1, rank: 0, seq }, ['loss'], [seq], [seq / 2]);
  return [...log.partitions().values()].flat();
}

it('the projector loop outlives its database worker in the middle of transactions: nothing lost, nothing twice', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'runstream-killed-'));
  const log = await openSegmentEventLog({
    dir: join(dir, 'log'),
    partitions: { catalog: 1, runs: 1, telemetry: 1 },
    clock: Date.now,
  });
  const { database } = await openPgliteDatabase({ dir: join(dir, 'tables') });
  const stop = new AbortController();
  try {
    let deaths = 0;
    let deadly = false;
    const family = await openRunProjectionFamily({
      database: dying(database, (transaction) => {
        if (!deadly) return null;
        const death = transaction % 6 === 2 ? 'inside' : transaction % 6 === 5 ? 'after' : null;
        if (death) deaths += 1;
        return death;
      }),
    });
    const projection = await family.live();
    deadly = true;
    const stuck: string[] = [];
    const progress = new Progress();
    const projecting = runProjector({
      log,
      projection,
      progress,
      signal: stop.signal,
      limits: { ...projectorLimits, flushIntervalMs: 1, promptIntervalMs: 1, backoffMs: [1, 20] },
      onStuck: (_, reason) => stuck.push(reason),
    });
    const records = story();
    // each handful is a transaction of its own
    for (let from = 0; from < records.length; from += 10) {
      const positions = await log.append(records.slice(from, from + 10));
      const reached = new Map(positions.map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset + 1]));
      await progress.waitFor(['runs'], reached, 30_000);
    }
    expect(deaths).toBeGreaterThan(1);
    expect(stuck.length).toBeGreaterThan(0);
    const table = openPostgresRunTable({ database, generations: () => family.generations() });
    expect((await table.summaries(['r'])).get('r')).toMatchObject([
      { count: events, last: events / 2, min: 0.5, max: events / 2 },
    ]);
    const [writer] = await table.writers('r');
    expect(writer!.topics.find(({ topic }) => topic === 'telemetry')).toMatchObject({
      contiguousSeq: events,
      gaps: [],
    });
    stop.abort();
    await projecting;
  } finally {
    stop.abort();
    await database.close();
    await log.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

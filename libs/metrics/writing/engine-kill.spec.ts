import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Projection } from '#libs/projecting/projection.js';
import { nameHash } from '../metric-names.js';
import { points, range, recordsOf, type SomeEvent } from '../test/event-batches.js';
import { openMetricsRig, replay, type MetricsRig } from '../test/metrics-rig.js';

const kills = 15;

describe('a points projection whose engine is killed', () => {
  let rig: MetricsRig;
  beforeAll(async () => {
    rig = await openMetricsRig();
  });
  afterAll(async () => {
    await rig.close();
  });

  it(`goes on after ${kills} kill -9 in the middle of inserts with exactly the rows of the log`, async () => {
    const live = await rig.family.live();
    const log: SomeEvent[] = range(1, 61).map((seq) => {
      const steps = range((seq - 1) * 2_000, seq * 2_000);
      return points({
        run: 'killed',
        seq,
        steps,
        values: { loss: steps.map(Math.sqrt), acc: steps, lr: steps.map((step) => 1 / (step + 1)) },
      });
    });
    const partition = { topic: 'telemetry', partition: 0 } as const;
    const records = recordsOf(log);
    const { epoch } = await live.claim(partition);
    let killed = 0;
    const failures: string[] = [];
    for (let from = 0; from < records.length;) {
      const to = Math.min(records.length, from + 4);
      const batch = { partition, epoch, from, to, records: records.slice(from, to) };
      const attempt = applied(live, batch);
      if (killed < kills && rig.engine.pid !== null) {
        await pause((killed * 7) % 40);
        if (rig.engine.pid !== null) process.kill(rig.engine.pid, 'SIGKILL');
        killed++;
      }
      const result = await attempt;
      if (result === 'applied') from = to;
      else {
        failures.push(result.name);
        await pause(50);
      }
    }
    expect(killed).toBe(kills);
    expect(failures.length).toBeGreaterThan(0);
    expect(new Set(failures)).toEqual(new Set(['Unavailable']));
    const rows = await rig.client.query(
      `SELECT count() AS n, uniqExact(step) AS steps, max(step) AS last, countIf(value != if(series = {loss:UInt64}, sqrt(step), value)) AS wrong
       FROM g1_points FINAL WHERE series != {clock:UInt64}`,
      { params: { loss: String(nameHash('loss')), clock: String(nameHash('_time')) } },
    );
    expect([rows.u64('n')[0], rows.u64('steps')[0], rows.i64('last')[0], rows.u64('wrong')[0]]).toEqual([
      360_000n,
      120_000n,
      119_999n,
      0n,
    ]);
    // none of the redelivered batches was taken for a step written twice
    expect((await rig.client.query('SELECT count() AS n FROM g1_rewritten')).u64('n')[0]).toBe(0n);
    const rebuilt = await rig.family.openGeneration(2);
    await replay(rebuilt, log);
    expect(await rebuilt.digest()).toBe(await live.digest());
  });
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function applied(projection: Projection, batch: Parameters<Projection['apply']>[0]): Promise<'applied' | Error> {
  try {
    const result = await projection.apply(batch);
    return result === 'applied' ? result : new Error(result);
  } catch (error) {
    return error as Error;
  }
}

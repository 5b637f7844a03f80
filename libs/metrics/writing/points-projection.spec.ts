import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseClient } from '#libs/clickhouse/clickhouse-client.js';
import { Unavailable } from '#libs/domain/rejection.js';
import { describeProjectionFamily } from '#libs/projecting/projection.contract.js';
import { nameHash } from '../metric-names.js';
import { openPointsProjectionFamily } from './points-projection-family.js';
import { PointsProjection } from './points-projection.js';
import { block, points, range, recordsOf, started, startMs, type SomeEvent } from '../test/event-batches.js';
import { MemoryCheckpoints } from '../test/memory-checkpoints.js';
import { openMetricsRig, randomHex, replay, type MetricsRig } from '../test/metrics-rig.js';

/** Events of two runs with resumes, rewritten steps, several writers, odd values, clocks that differ and lines. */
function storyOf(): SomeEvent[] {
  const events: SomeEvent[] = [
    started('a', { params: [{ key: 'lr', json: '0.1' }], tags: { team: 'x' }, labels: ['new'] }),
    started('b'),
  ];
  for (let seq = 1; seq <= 30; seq++) {
    for (const rank of [0, 1, 2]) {
      const steps = range(seq * 50, seq * 50 + 50);
      const values = {
        loss: steps.map((step) => Math.sin(step * (rank + 1))),
        acc: steps.map((step) => (step % 97 === 0 ? Number.NaN : step / 7)),
      };
      events.push(
        points({ run: 'a', rank, seq, steps, values, times: steps.map((step) => startMs + step * 10 + rank) }),
      );
    }
  }
  events.push(points({ run: 'a', seq: 31, steps: [60, 70, 60], values: { loss: [1, -0, 0] } }));
  events.push(points({ run: 'a', seq: 1, attempt: 2, steps: range(900, 1_200), values: { loss: range(0, 300) } }));
  events.push(points({ run: 'b', seq: 1, steps: [3, 2, 1], values: { 'system/cpu': [1, 2, 3], loss: [3, 2, 1] } }));
  events.push(
    points({
      run: 'b',
      seq: 1,
      writerless: true,
      everyValue: true,
      steps: [1, 1],
      values: { m: [1, 2] },
      times: [startMs, startMs + 5],
    }),
  );
  const twice = [
    block({ steps: [9, 10], values: { x: [1, 2] } }),
    block({ steps: [10, 11], values: { x: [3, 4] }, times: [startMs + 1, startMs + 2] }),
  ];
  events.push({
    name: 'PointsLogged',
    subject: 'b',
    data: { blocks: twice },
    writer: { id: 'w', attempt: 1, rank: 0, seq: 9 },
  });
  const lines = [{ number: 1, stream: 'stderr', timeMs: startMs, text: 'oh\nno ü' }] as const;
  events.push({ name: 'LinesLogged', subject: 'b', data: { lines }, writer: { id: 'w', attempt: 1, rank: 0, seq: 1 } });
  events.push({
    name: 'TagsSet',
    subject: 'a',
    data: { tags: { team: 'y' }, removed: [], labels: [], labelsRemoved: ['new'] },
  });
  events.push({ name: 'RunRenamed', subject: 'a', data: { name: 'better' } });
  events.push(started('a', { name: 'late rank' }, 1, 5));
  events.push({ name: 'RunDeleted', subject: 'b', data: {} });
  return events;
}

describeProjectionFamily('the metric store', openMetricsRig);

describe('PointsProjection', () => {
  let rig: MetricsRig;
  beforeAll(async () => {
    rig = await openMetricsRig();
  });
  afterAll(async () => {
    await rig.close();
  });

  it('gives the same rows however the events are cut into batches and how often they come', async () => {
    const story = storyOf();
    await rig.write(story);
    const whole = await (await rig.family.live()).digest();
    const small = await rig.family.openGeneration(2);
    await replay(small, story, 7);
    expect(await small.digest()).toBe(whole);
    const { marker } = await markerOf(rig, 2);
    for (const batchEvents of [Infinity, 3]) {
      // as after a crash: nothing remembered, every checkpoint lost, all rows there
      const again = new PointsProjection({
        client: rig.client,
        checkpoints: new MemoryCheckpoints(),
        generation: 2,
        marker,
      });
      await replay(again, story, batchEvents);
    }
    expect(await small.digest()).toBe(whole);
    await rig.family.drop(2);
  });

  it('has a digest that sees one other value', async () => {
    const story = storyOf();
    const before = await (await rig.family.live()).digest();
    const other = await rig.family.openGeneration(3);
    await replay(other, [...story, points({ run: 'a', seq: 99, steps: [5_000], values: { loss: [1] } })]);
    expect(await other.digest()).not.toBe(before);
    await rig.family.drop(3);
  });

  it('switches readers to a rebuilt generation and drops only what is not live', async () => {
    const rebuilt = await rig.family.openGeneration(4);
    await replay(rebuilt, rig.log);
    expect(await rebuilt.digest()).toBe(await (await rig.family.live()).digest());
    await expect(rig.family.drop(1)).rejects.toMatchObject({ name: 'Rejection' });
    await rig.family.switchTo(4);
    expect(await rig.family.generations()).toEqual({ live: 4, all: [1, 4] });
    await rig.family.drop(1);
    const page = await rig.store.points({ run: 'a', key: 'loss', rank: 0, first: 5 });
    expect(page.step.length).toBe(5);
    expect((await rig.family.generations()).all).toEqual([4]);
    expect(await rig.checkpoints.names('points@1:')).toEqual([]);
  });

  it('sets unreadable records aside with their reason and applies their neighbours', async () => {
    const live = await rig.family.live();
    const partition = { topic: 'telemetry', partition: 7 } as const;
    const records = recordsOf(['x', 'y', 'z'].map((run) => points({ run, seq: 1, steps: [1], values: { loss: [1] } })));
    const broken = { ...records[1]!, value: new Uint8Array([255, 255, 255]) };
    const { epoch } = await live.claim(partition);
    const batch = { partition, epoch, from: 0, to: 3, records: [records[0]!, broken, records[2]!] };
    expect(await live.apply(batch)).toBe('applied');
    expect(rig.checkpoints.deadLetters.map(({ offset, reason }) => [offset, /Protobuf/.test(reason)])).toEqual([
      [1, true],
    ]);
    expect(await rig.store.keys('x', undefined, 5)).toEqual(['loss']);
    expect(await rig.store.keys('y', undefined, 5)).toEqual([]);
    expect(await rig.store.keys('z', undefined, 5)).toEqual(['loss']);
  });

  it('takes batches of several partitions at once, some of which fail half-way and come again', async () => {
    const story = storyOf().filter(({ name }) => name === 'PointsLogged');
    const [inTurn, atOnce] = [await rig.family.openGeneration(5), await rig.family.openGeneration(6)];
    await replay(inTurn, story);
    const { marker } = await markerOf(rig, 6);
    let inserts = 0;
    const failing: ClickHouseClient = {
      database: rig.client.database,
      placement: rig.client.placement,
      query: (sql, options) => rig.client.query(sql, options),
      command: (sql, settings) => rig.client.command(sql, settings),
      insertNative: async (table, columns, rows) => {
        await rig.client.insertNative(table, columns, rows);
        if (++inserts % 17 === 0) throw new Unavailable('the answer was lost');
      },
      close: () => Promise.resolve(),
    };
    const projection = new PointsProjection({
      client: failing,
      checkpoints: rig.checkpoints,
      generation: 6,
      marker,
    });
    // a rank's events stay in one partition, in order, as telemetry keys make sure
    const partitions = [0, 1, 2].map((rank) => story.filter(({ writer }) => (writer?.rank ?? 0) === rank));
    await Promise.all(
      partitions.map(async (events, index) => {
        const partition = { topic: 'telemetry', partition: index } as const;
        const { epoch } = await projection.claim(partition);
        const records = recordsOf(events).map((record) => ({ ...record, partition: index }));
        for (let from = 0; from < records.length;) {
          const to = Math.min(records.length, from + 3);
          const batch = { partition, epoch, from, to, records: records.slice(from, to) };
          const outcome = await projection.apply(batch).catch((error: unknown) => {
            if (!(error instanceof Unavailable)) throw error;
            return 'again';
          });
          if (outcome === 'applied') from = to;
        }
      }),
    );
    expect(inserts).toBeGreaterThan(50);
    expect(await atOnce.digest()).toBe(await inTurn.digest());
    for (const generation of [5, 6]) await rig.family.drop(generation);
  });

  it('keeps steps, ranks and keys that need the widest columns', async () => {
    const live = await rig.family.live();
    const partition = { topic: 'telemetry', partition: 9 } as const;
    const steps = [-(2 ** 40), 3, 2 ** 52];
    const many = Object.fromEntries(range(0, 300).map((key) => [`k${key}`, steps.map((_, index) => key + index / 4)]));
    const records = recordsOf([
      points({ run: 'edge', rank: 70_000, seq: 1, steps, values: many }),
      points({ run: 'edge', rank: 300, seq: 1, steps: [3], values: { k7: [9] } }),
    ]);
    const { epoch } = await live.claim(partition);
    expect(await live.apply({ partition, epoch, from: 0, to: 2, records })).toBe('applied');
    for (const key of [0, 255, 299]) {
      const page = await rig.store.points({ run: 'edge', key: `k${key}`, rank: 70_000, first: 5 });
      expect([...page.step]).toEqual(steps);
      expect([...page.value]).toEqual([key, key + 0.25, key + 0.5]);
      expect([...page.time]).toEqual([startMs, startMs, startMs]);
    }
    expect([...(await rig.store.points({ run: 'edge', key: 'k7', rank: 300, first: 5 })).value]).toEqual([9]);
  });

  it('fences an owner whose partition was taken over, whose rows change nothing', async () => {
    const live = await rig.family.live();
    const partition = { topic: 'telemetry', partition: 8 } as const;
    const records = recordsOf([
      points({ run: 'fenced', seq: 1, steps: range(0, 100), values: { loss: range(0, 100) } }),
    ]);
    const old = await live.claim(partition);
    const now = await live.claim(partition);
    expect(await live.apply({ partition, epoch: now.epoch, from: 0, to: 1, records })).toBe('applied');
    const digest = await live.digest();
    expect(await live.apply({ partition, epoch: old.epoch, from: 0, to: 1, records })).toBe('fenced');
    expect(await live.digest()).toBe(digest);
    expect((await live.checkpoints()).get('telemetry/8')).toBe(1);
  });

  it('starts anew when its tables are of an older shape', async () => {
    const generation = 7;
    await replay(await rig.family.openGeneration(generation), [
      points({ run: 'old', seq: 1, steps: [1], values: { loss: [1] } }),
    ]);
    for (const table of ['points', 'attempts']) await rig.client.command(`DROP TABLE g${generation}_${table} SYNC`);
    await rig.client.command(
      `CREATE TABLE g${generation}_points (run UInt64, step Int64, value Float64) ENGINE = MergeTree ORDER BY (run, step)`,
    );
    await rig.client.command(
      `CREATE TABLE g${generation}_attempts (run UInt64, attempt UInt16) ENGINE = MergeTree ORDER BY run`,
    );
    await rig.client.command(
      `CREATE TABLE g${generation}_rollup_4096 (run UInt64, bucket Int64) ENGINE = MergeTree ORDER BY run`,
    );
    const { client, checkpoints } = rig;
    const reopened = await openPointsProjectionFamily({ client, checkpoints, randomHex });
    const fresh = await reopened.openGeneration(generation);
    expect((await fresh.claim({ topic: 'telemetry', partition: 0 })).position).toBe(0);
    await replay(fresh, [points({ run: 'old', seq: 1, steps: [1], values: { loss: [2] } })]);
    const rows = await client.query(`SELECT value FROM g${generation}_points WHERE series = ${nameHash('loss')}`);
    expect([...rows.f64('value')]).toEqual([2]);
    const retired = await client.query(`EXISTS TABLE g${generation}_rollup_4096`);
    expect(retired.u8('result')[0]).toBe(0);
  });

  it('starts anew when the store was wiped behind the checkpoints', async () => {
    const live = await rig.family.live();
    expect((await live.claim({ topic: 'telemetry', partition: 0 })).position).toBeGreaterThan(0);
    for (const name of ['generations', 'live_generation']) await rig.client.command(`TRUNCATE TABLE ${name}`);
    const family = await openPointsProjectionFamily({ client: rig.client, checkpoints: rig.checkpoints, randomHex });
    const fresh = await family.live();
    expect((await fresh.claim({ topic: 'telemetry', partition: 0 })).position).toBe(0);
  });
});

async function markerOf(rig: MetricsRig, generation: number): Promise<{ marker: string }> {
  const rows = await rig.client.query(`SELECT marker FROM generations FINAL WHERE generation = ${generation}`);
  return { marker: rows.texts('marker')[0]! };
}

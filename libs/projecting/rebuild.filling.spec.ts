import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { partitionName } from '#libs/domain/position-token.js';
import type { EventLog, PartitionId } from '#libs/log/event-log.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';
import type { ApplyOutcome, Claim, ProjectedBatch, Projection, ProjectionFamily } from './projection.js';
import { dropOthers, Filler, holdLive, rebuild, type RebuildOptions } from './rebuild.js';

/** A generation that counts records per partition, and keeps what was asked of it. */
class Counts implements Projection {
  readonly name = 'counts';
  readonly topics = ['runs'] as const;
  readonly positions = new Map<string, number>();
  readonly claimed: string[] = [];
  readonly epochs: number[] = [];
  readonly holds: number[] = [];
  outcome: ApplyOutcome = 'applied';
  says = '';
  constructor(readonly generation: number) {}
  claim({ topic, partition }: PartitionId): Promise<Claim> {
    const name = partitionName(topic, partition);
    this.claimed.push(name);
    return Promise.resolve({ epoch: 1, position: this.positions.get(name) ?? 0 });
  }
  apply({ partition, epoch, from, to, records }: ProjectedBatch): Promise<ApplyOutcome> {
    if (this.outcome !== 'applied') return Promise.resolve(this.outcome);
    const name = partitionName(partition.topic, partition.partition);
    expect([from, records[0]!.offset, records.length]).toEqual([this.positions.get(name) ?? 0, from, to - from]);
    this.epochs.push(epoch);
    this.positions.set(name, to);
    return Promise.resolve('applied');
  }
  hold(leaseMs: number): Promise<ReadonlyMap<string, Claim>> {
    this.holds.push(leaseMs);
    return Promise.resolve(new Map());
  }
  digest(): Promise<string> {
    return Promise.resolve(this.says || JSON.stringify([...this.positions].sort()));
  }
  checkpoints(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map(this.positions));
  }
}

describe('filling a generation beside the live one', () => {
  let dir: string;
  let log: EventLog;
  let live: Counts;
  let made: Counts[];
  let family: ProjectionFamily;
  const switched: number[] = [];
  const dropped: number[] = [];
  let found: readonly string[];
  const signal = new AbortController().signal;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'filling-'));
    log = await openSegmentEventLog({ dir, partitions: { catalog: 1, runs: 2, telemetry: 1 }, clock: Date.now });
    live = new Counts(2);
    made = [];
    found = [];
    switched.length = dropped.length = 0;
    family = {
      name: 'counts',
      topics: ['runs'],
      openGeneration: (generation) => {
        made.push(new Counts(generation));
        return Promise.resolve(made.at(-1)!);
      },
      generations: () => Promise.resolve({ live: 2, all: [1, 2, 7] }),
      live: () => Promise.resolve(live),
      switchTo: (generation) => Promise.resolve(void switched.push(generation)),
      damage: () => Promise.resolve(found),
      lease: () => Promise.resolve(true),
      checkpointsOf: () => Promise.resolve(new Map<string, number>()),
      drop: (generation) => Promise.resolve(void dropped.push(generation)),
    };
  });
  afterEach(async () => {
    await log.close();
    rmSync(dir, { recursive: true });
  });
  const append = (partition: number, count: number) =>
    log.append(
      Array.from({ length: count }, () => ({ topic: 'runs' as const, partition, key: 'k', headers: {}, value: new Uint8Array(1) })),
    ); // prettier-ignore
  const resumed: boolean[] = [];
  const run = (options: Partial<RebuildOptions> = {}) => {
    resumed.length = 0;
    const resume = (done: boolean) => Promise.resolve(void resumed.push(done));
    return rebuild(log, family, { pauseLive: () => Promise.resolve({ claims: null, resume }), signal, ...options });
  };

  it('takes a number above all that have tables, and reads every partition to the end of the log', async () => {
    await append(0, 3);
    await append(1, 5);
    expect(await run()).toEqual({
      family: 'counts',
      from: 2,
      to: 8,
      records: 8,
      liveDigest: '[["runs/0",3],["runs/1",5]]',
      rebuiltDigest: '[["runs/0",3],["runs/1",5]]',
      equal: true,
      switched: true,
      damage: [],
    });
    expect([switched, resumed]).toEqual([[8], [true]]);
  });

  it('does not compare with tables that are known to be wrong: it switches to what the log says', async () => {
    await append(0, 3);
    live.says = 'nonsense';
    found = ['a table is missing'];
    const answer = { liveDigest: 'damaged', equal: false, switched: true, records: 3 };
    expect(await run()).toMatchObject({ ...answer, damage: found });
    expect(live.claimed).toEqual([]);
    found = [];
    expect(await run({ damage: ['somebody says so'] })).toMatchObject({ ...answer, damage: ['somebody says so'] });
    expect(switched).toEqual([8, 8]);
  });

  it('looks for damage only where nobody has looked', async () => {
    found = ['not seen'];
    expect(await run({ damage: [] })).toMatchObject({ damage: [], equal: true });
  });

  it('lets the live one go on until little is left, and no more often than eight times', async () => {
    await append(0, 30_000);
    let [looks, behind, paused] = [0, 2_000, -1];
    live.checkpoints = () => Promise.resolve(new Map([['runs/0', (looks += 1) * behind]]));
    live.positions.set('runs/0', 30_000);
    const pauseLive = () => {
      paused = looks;
      return Promise.resolve({ claims: null, resume: () => Promise.resolve() });
    };
    const told: number[] = [];
    await run({ pauseLive, onProgress: (records) => told.push(records) });
    expect([paused, told.at(-1)]).toEqual([8, 30_000]);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    [looks, behind] = [0, 1_999];
    await run({ pauseLive });
    expect(paused).toBe(1);
  });

  it('looks three times where projectors of other processes may still write, once where there are none', async () => {
    live.says = 'differs';
    let digests = 0;
    live.digest = () => Promise.resolve(`differs ${++digests}`);
    expect(await run()).toMatchObject({ equal: false, switched: false, liveDigest: 'differs 1' });
    expect(resumed).toEqual([false]);
    digests = 0;
    const resume = () => Promise.resolve();
    const held = () => Promise.resolve({ claims: new Map<string, Claim>(), resume });
    expect(await run({ pauseLive: held })).toMatchObject({ equal: false, switched: false, liveDigest: 'differs 3' });
    expect(switched).toEqual([]);
  });

  it('writes with the claims of who holds the live one, and claims the rest', async () => {
    await append(0, 2);
    await append(1, 2);
    const claims = new Map([['runs/1', { epoch: 77, position: 1 }]]);
    live.positions.set('runs/1', 1);
    const filler = await Filler.open(log, live, { signal }, claims);
    expect(live.claimed).toEqual(['runs/0']);
    expect(await filler.fillTo(new Map([['runs/1', 2]]))).toBe(1);
    expect(live.epochs).toEqual([77]);
  });

  it('applies what is before the asked positions and nothing behind them, any number of times', async () => {
    await append(0, 10);
    const filler = await Filler.open(log, live, { signal });
    expect(await filler.fillTo(new Map([['runs/0', 4]]))).toBe(4);
    expect(await filler.fillTo(new Map([['runs/0', 4]]))).toBe(0);
    expect(await filler.fillTo(new Map([['runs/0', 3]]))).toBe(0);
    expect(await filler.fillTo(new Map())).toBe(0);
    expect(await filler.fillTo(new Map([['runs/0', 9]]))).toBe(5);
    expect([live.positions.get('runs/0'), filler.records]).toEqual([9, 9]);
  });

  it.each(['fenced', 'stale'] as const)('ends where somebody else writes the generation: %s', async (outcome) => {
    await append(0, 1);
    const filler = await Filler.open(log, live, { signal });
    live.outcome = outcome;
    await expect(filler.fillTo(new Map([['runs/0', 1]]))).rejects.toThrow(
      'rebuild of counts: generation 2 is being written by somebody else',
    );
  });

  it('ends when it is told to, and lets the live one go on', async () => {
    await append(0, 1);
    live.positions.set('runs/0', 1);
    const stop = new AbortController();
    const pauseLive = () => {
      stop.abort(new Error('told to'));
      return Promise.resolve({ claims: null, resume: (done: boolean) => Promise.resolve(void resumed.push(done)) });
    };
    live.checkpoints = () => Promise.resolve(new Map());
    await expect(run({ pauseLive, signal: stop.signal })).rejects.toThrow('told to');
    expect([switched, resumed]).toEqual([[], [false]]);
  });

  it('drops every generation but the live one', async () => {
    await dropOthers(family);
    expect(dropped).toEqual([1, 7]);
  });

  it('holds the live one for as long as it takes, whatever the store says meanwhile, and lets go unless it was switched', async () => {
    vi.useFakeTimers();
    try {
      for (const done of [false, true]) {
        live.holds.length = 0;
        const { resume } = await holdLive(live);
        await vi.advanceTimersByTimeAsync(25_000);
        expect(live.holds).toEqual([30_000, 30_000, 30_000]);
        await resume(done);
        expect([live.holds.slice(3), vi.getTimerCount()]).toEqual([done ? [] : [0], 0]);
      }
      const { resume } = await holdLive(live);
      live.hold = () => Promise.reject(new Error('the store is away'));
      await vi.advanceTimersByTimeAsync(10_000);
      await resume(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

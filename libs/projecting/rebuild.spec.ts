import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventLog, PartitionId } from '#libs/log/event-log.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';
import type { ApplyOutcome, Claim, ProjectedBatch, Projection, ProjectionFamily } from './projection.js';
import { rebuild } from './rebuild.js';

/** A generation as a plain list. */
class List implements Projection {
  readonly name = 'list';
  readonly topics = ['runs'] as const;
  readonly values: string[] = [];
  position = 0;
  constructor(readonly generation: number) {}
  claim(_: PartitionId): Promise<{ epoch: number; position: number }> {
    return Promise.resolve({ epoch: 1, position: this.position });
  }
  apply(batch: ProjectedBatch): Promise<ApplyOutcome> {
    if (batch.from !== this.position) return Promise.resolve('stale');
    for (const { offset, value } of batch.records) this.values[offset] = Buffer.from(value).toString();
    this.position = batch.to;
    return Promise.resolve('applied');
  }
  hold(): Promise<ReadonlyMap<string, Claim>> {
    return Promise.resolve(new Map([['runs/0', { epoch: 1, position: this.position }]]));
  }
  digest(): Promise<string> {
    return Promise.resolve(this.values.join());
  }
  checkpoints(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map([['runs/0', this.position]]));
  }
}

describe('a rebuild', () => {
  let dir: string;
  let log: EventLog;
  let lists: Map<number, List>;
  let live: number;
  let family: ProjectionFamily;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'rebuild-'));
    log = await openSegmentEventLog({ dir, partitions: { catalog: 1, runs: 1, telemetry: 1 }, clock: Date.now });
    const old = new List(1);
    lists = new Map([[1, old]]);
    live = 1;
    family = {
      name: 'list',
      topics: ['runs'],
      openGeneration: (generation) => {
        const list = lists.get(generation) ?? new List(generation);
        lists.set(generation, list);
        return Promise.resolve(list);
      },
      generations: () => Promise.resolve({ live, all: [...lists.keys()] }),
      live: () => Promise.resolve(lists.get(live)!),
      switchTo: (generation) => Promise.resolve(void (live = generation)),
      damage: () => Promise.resolve([]),
      lease: () => Promise.resolve(true),
      checkpointsOf: () => Promise.resolve(new Map<string, number>()),
      drop: (generation) => Promise.resolve(void lists.delete(generation)),
    };
    await add('a', 'b', 'c');
  });
  afterEach(async () => {
    await log.close();
    rmSync(dir, { recursive: true });
  });
  const append = (...values: string[]) =>
    log.append(
      values.map((value) => ({ topic: 'runs', partition: 0, key: 'k', headers: {}, value: Buffer.from(value) })),
    );
  /** Appends, and lets the live generation have it. */
  const add = async (...values: string[]): Promise<void> => {
    await append(...values);
    lists.get(live)!.values.push(...values);
    lists.get(live)!.position += values.length;
  };
  const run = (force = false, last: () => Promise<void> = () => Promise.resolve()) => {
    let paused = 0;
    const pauseLive = async () => {
      paused += 1;
      await last();
      return { claims: null, resume: () => Promise.resolve(void (paused -= 1)) };
    };
    return rebuild(log, family, { pauseLive, force, signal: new AbortController().signal }).finally(() =>
      expect(paused).toBe(0),
    );
  };

  it('contains what was appended up to the pause, is compared there, and switched', async () => {
    const report = await run(false, () => add('d', 'e'));
    expect(report).toMatchObject({ from: 1, to: 2, records: 5, equal: true, switched: true });
    expect(lists.get(2)!.values).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(live).toBe(2);
    expect(lists.has(1)).toBe(true);
  });

  it('does not switch to tables that differ, unless it is told to', async () => {
    lists.get(1)!.values[1] = 'wrong';
    expect(await run()).toMatchObject({
      equal: false,
      switched: false,
      liveDigest: 'a,wrong,c',
      rebuiltDigest: 'a,b,c',
    });
    expect(live).toBe(1);
    expect(await run(true)).toMatchObject({ equal: false, switched: true, to: 3 });
    expect(live).toBe(3);
  });

  it('looks again at a newer end when a fenced projector of another process wrote beyond the first one', async () => {
    const old = lists.get(1)!;
    const digest = old.digest.bind(old);
    old.digest = async () => {
      old.digest = digest;
      await append('d');
      old.values[3] = 'd';
      return digest();
    };
    const pauseLive = async () => ({ claims: await old.hold(), resume: () => Promise.resolve() });
    const report = await rebuild(log, family, { pauseLive, signal: new AbortController().signal });
    expect(report).toMatchObject({ records: 4, equal: true, switched: true, liveDigest: 'a,b,c,d' });
  });

  it('starts the live projector again when comparing fails', async () => {
    lists.get(1)!.digest = () => Promise.reject(new Error('the store is down'));
    await expect(run()).rejects.toThrow('the store is down');
    expect(live).toBe(1);
  });
});

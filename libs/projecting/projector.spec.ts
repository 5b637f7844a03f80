import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Unavailable } from '#libs/domain/rejection.js';
import type { EventLog, EventRecord } from '#libs/log/event-log.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';
import { Progress } from '#libs/projecting/progress.js';
import type { ApplyOutcome, ProjectedBatch, Projection } from '#libs/projecting/projection.js';
import { batches, projectorLimits, runProjector } from '#libs/projecting/projector.js';

const partition = { topic: 'runs', partition: 0 } as const;
const record = (n: number): EventRecord => ({
  ...partition,
  key: `r${n}`,
  headers: {},
  value: Buffer.from(`value ${n}`),
});

/** A projection over a plain list, with the compare-and-set that every real one has. */
class ListProjection implements Projection {
  readonly name = 'list';
  readonly generation = 1;
  readonly topics = ['runs'] as const;
  readonly values: string[] = [];
  readonly sizes: number[] = [];
  epoch = 0;
  position = 0;
  failures = 0;

  claim(): Promise<{ epoch: number; position: number }> {
    return Promise.resolve({ epoch: ++this.epoch, position: this.position });
  }
  apply(batch: ProjectedBatch): Promise<ApplyOutcome> {
    if (this.failures > 0) {
      this.failures -= 1;
      return Promise.reject(new Unavailable('the store is down'));
    }
    if (batch.epoch !== this.epoch) return Promise.resolve('fenced');
    if (batch.from !== this.position) return Promise.resolve(batch.to === this.position ? 'applied' : 'stale');
    for (const { value } of batch.records) this.values.push(Buffer.from(value).toString());
    this.sizes.push(batch.records.length);
    this.position = batch.to;
    return Promise.resolve('applied');
  }
  hold(): Promise<never> {
    return Promise.reject(new Error('the loop holds nothing'));
  }
  digest(): Promise<string> {
    return Promise.resolve(this.values.join());
  }
  checkpoints(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map([['runs/0', this.position]]));
  }
}

describe('the projector loop', () => {
  let dir: string;
  let log: EventLog;
  let stop: AbortController;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'projector-'));
    log = await openSegmentEventLog({ dir, partitions: { catalog: 1, runs: 1, telemetry: 1 }, clock: Date.now });
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await log.close();
    rmSync(dir, { recursive: true });
  });
  const numbers = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `value ${from + i}`);
  const append = (from: number, to: number) => log.append(numbers(from, to).map((_, i) => record(from + i)));
  const start = (projection: ListProjection, progress = new Progress()) => ({
    progress,
    done: runProjector({
      log,
      projection,
      progress,
      signal: stop.signal,
      limits: { ...projectorLimits, backoffMs: [1, 5] },
    }),
  });

  it('applies what is there and what comes, in order and once', async () => {
    await append(0, 50);
    const projection = new ListProjection();
    const { progress, done } = start(projection);
    await append(50, 80);
    await progress.waitFor(['list'], new Map([['runs/0', 80]]), 5_000);
    expect(projection.values).toEqual(numbers(0, 80));
    stop.abort();
    await done;
  });

  it('goes on from the checkpoint after a restart', async () => {
    await append(0, 10);
    const projection = new ListProjection();
    projection.position = 4;
    const { progress } = start(projection);
    await progress.waitFor(['list'], new Map([['runs/0', 10]]), 5_000);
    expect(projection.values).toEqual(numbers(4, 10));
  });

  it('waits while the store is down, says why, and skips nothing', async () => {
    const projection = new ListProjection();
    projection.failures = 5;
    const reasons: string[] = [];
    const progress = new Progress();
    void runProjector({
      log,
      projection,
      progress,
      signal: stop.signal,
      limits: { ...projectorLimits, backoffMs: [1, 5] },
      onStuck: (_, reason) => reasons.push(reason),
    });
    await append(0, 3);
    await progress.waitFor(['list'], new Map([['runs/0', 3]]), 5_000);
    expect(projection.values).toEqual(numbers(0, 3));
    expect(reasons).toEqual(Array(5).fill('the store is down'));
    expect(progress.waitingReason('list', 'runs/0')).toBeNull();
  });

  it('ends with the error when waiting can not mend it', async () => {
    const projection = new ListProjection();
    projection.apply = () => Promise.reject(new TypeError('we are wrong'));
    const { done } = start(projection);
    await append(0, 1);
    await expect(done).rejects.toThrow('we are wrong');
  });

  it('writes nothing to a partition that somebody else has claimed, and takes it up again if it stays assigned', async () => {
    const projection = new ListProjection();
    const { progress } = start(projection);
    await append(0, 1);
    await progress.waitFor(['list'], new Map([['runs/0', 1]]), 5_000);
    await projection.claim();
    await append(1, 5);
    await expect(progress.waitFor(['list'], new Map([['runs/0', 5]]), 300)).rejects.toMatchObject({
      code: 'STALE_POSITION',
    });
    expect(projection.values).toEqual(numbers(0, 1));
    await progress.waitFor(['list'], new Map([['runs/0', 5]]), 5_000);
    expect(projection.values).toEqual(numbers(0, 5));
  });

  it('claims again when the store was put back to an older state', async () => {
    const projection = new ListProjection();
    const { progress } = start(projection);
    await append(0, 4);
    await progress.waitFor(['list'], new Map([['runs/0', 4]]), 5_000);
    projection.position = 2;
    projection.values.length = 2;
    await append(4, 6);
    await expect.poll(() => projection.values).toEqual(numbers(0, 6));
  });

  it('goes on when the answer to an applied batch was lost', async () => {
    const projection = new ListProjection();
    const apply = projection.apply.bind(projection);
    let lost = 1;
    projection.apply = async (batch) => {
      const outcome = await apply(batch);
      if (lost-- > 0) throw new Unavailable('the answer was lost');
      return outcome;
    };
    const { progress } = start(projection);
    await append(0, 3);
    await append(3, 5);
    await progress.waitFor(['list'], new Map([['runs/0', 5]]), 5_000);
    expect(projection.values).toEqual(numbers(0, 5));
  });

  it('grows batches under load instead of writing each record alone', async () => {
    const projection = new ListProjection();
    const apply = projection.apply.bind(projection);
    let [begun, release] = [(): void => undefined, (): void => undefined];
    const busy = new Promise<void>((resolve) => (begun = resolve));
    const free = new Promise<void>((resolve) => (release = resolve));
    projection.apply = async (batch) => {
      begun();
      await free;
      return apply(batch);
    };
    const { progress } = start(projection);
    await append(0, 1);
    await busy;
    // they come one by one while the store is at work
    for (let i = 1; i < 300; i++) await append(i, i + 1);
    release();
    await progress.waitFor(['list'], new Map([['runs/0', 300]]), 10_000);
    expect(projection.values).toEqual(numbers(0, 300));
    expect(projection.sizes.length).toBeLessThan(10);
  });

  it('gathers telemetry for a while, and ends that as soon as a reader waits, here or elsewhere', async () => {
    const telemetry = { topic: 'telemetry', partition: 0 } as const;
    const put = (n: number) => log.append([{ ...record(n), ...telemetry }]);
    const progress = new Progress();
    const hurry = {
      wanted: () => progress.wanted('list', telemetry),
      watched: () => progress.watched,
      onWaiting: (wake: () => void) => progress.onWaiting(wake),
    };
    const patient = { ...projectorLimits, flushIntervalMs: 600_000 };
    const source = batches(log, telemetry, 0, patient, stop.signal, hurry)[Symbol.asyncIterator]();
    const next = async (): Promise<number | undefined> => {
      const { value } = (await source.next()) as { value?: readonly unknown[] };
      progress.observed('list', 'telemetry/0', (progress.position('list', 'telemetry/0') ?? 0) + (value?.length ?? 0));
      return value?.length;
    };
    await put(0);
    expect(await next()).toBe(1); // a lone one is passed on at once
    let gathered: number | undefined;
    const gathering = next().then((records) => (gathered = records));
    for (let n = 1; n < 4; n++) await put(n);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(gathered).toBeUndefined();
    const waiting = progress.waitFor(['list'], new Map([['telemetry/0', 4]]), 10_000);
    await gathering;
    await waiting;
    expect(gathered).toBe(3);
    const another = next();
    await put(4);
    progress.want('list', 'telemetry/0', 5);
    expect(await another).toBe(1);
    // what is there already hurries nobody
    progress.want('list', 'telemetry/0', 5);
    expect(progress.wanted('list', telemetry)).toBe(false);
  });

  it('lets a reader of batches leave while it waits for more', async () => {
    const source = batches(log, partition, 0, projectorLimits, stop.signal)[Symbol.asyncIterator]();
    const waiting = source.next();
    stop.abort();
    expect((await waiting).done).toBe(true);
  });
});

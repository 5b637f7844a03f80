import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { partitionName } from '#libs/domain/position-token.js';
import { Unavailable } from '#libs/domain/rejection.js';
import type { Assignment, EventLog, PartitionId } from '#libs/log/event-log.js';
import { openSegmentEventLog } from '#libs/log/segment/segment-event-log.js';
import { Progress } from './progress.js';
import type { ApplyOutcome, Claim, ProjectedBatch, Projection } from './projection.js';
import { projectionLags, projectorLimits, runProjector, type ProjectorOptions } from './projector.js';

const part = (partition: number): PartitionId => ({ topic: 'runs', partition });

/** Which partitions a process is given, one after the other, as the test says. */
class Assignments {
  groups: unknown[] = [];
  #next: (() => void) | null = null;
  readonly #queue: Assignment[] = [];
  give(...partitions: number[]): void {
    this.#queue.push({ partitions: partitions.map(part) });
    this.#next?.();
  }
  async *of(group: string, topics: readonly string[], signal: AbortSignal): AsyncGenerator<Assignment> {
    this.groups.push([group, topics]);
    signal.addEventListener('abort', () => this.#next?.());
    while (!signal.aborted) {
      const given = this.#queue.shift();
      if (given) yield given;
      else await new Promise<void>((resolve) => (this.#next = resolve));
    }
  }
}

class Kept implements Projection {
  readonly name = 'kept';
  readonly generation = 3;
  readonly topics = ['runs'] as const;
  readonly claims: string[] = [];
  readonly positions = new Map<string, number>();
  answer: (batch: ProjectedBatch) => Promise<ApplyOutcome> = () => Promise.resolve('applied');
  claim({ topic, partition }: PartitionId): Promise<Claim> {
    const name = partitionName(topic, partition);
    this.claims.push(name);
    return Promise.resolve({ epoch: this.claims.length, position: this.positions.get(name) ?? 0 });
  }
  async apply(batch: ProjectedBatch): Promise<ApplyOutcome> {
    const outcome = await this.answer(batch);
    if (outcome === 'applied') this.positions.set(partitionName(batch.partition.topic, batch.partition.partition), batch.to); // prettier-ignore
    return outcome;
  }
  hold(): Promise<never> {
    return Promise.reject(new Error('the loop holds nothing'));
  }
  digest(): Promise<string> {
    return Promise.resolve('');
  }
  checkpoints(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(this.positions);
  }
}

describe('a projector that shares its topics with other processes', () => {
  let dir: string;
  let log: EventLog;
  let given: Assignments;
  let kept: Kept;
  let progress: Progress;
  let stop: AbortController;
  let done: Promise<void>;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'assignments-'));
    const real = await openSegmentEventLog({ dir, partitions: { catalog: 1, runs: 3, telemetry: 1 }, clock: Date.now });
    given = new Assignments();
    log = Object.assign(Object.create(real) as EventLog, {
      append: real.append.bind(real),
      read: real.read.bind(real),
      ranges: real.ranges.bind(real),
      close: real.close.bind(real),
      assignments: given.of.bind(given),
    });
    [kept, progress, stop] = [new Kept(), new Progress(), new AbortController()];
  });
  afterEach(async () => {
    stop.abort();
    await done.catch(() => undefined);
    await log.close();
    rmSync(dir, { recursive: true });
  });
  const start = (more: Partial<ProjectorOptions> = {}): void => {
    const limits = { ...projectorLimits, backoffMs: [1, 2] as const, fencedPauseMs: 20 };
    done = runProjector({ log, projection: kept, progress, signal: stop.signal, limits, ...more });
  };
  const append = (...partitions: number[]) =>
    log.append(partitions.map((partition) => ({ ...part(partition), topic: 'runs' as const, key: 'k', headers: {}, value: new Uint8Array(1) }))); // prettier-ignore
  const reached = (partition: number, position: number) =>
    progress.waitFor(['kept'], new Map([[`runs/${partition}`, position]]), 10_000);

  it('follows what it is given, leaves what it is not given any more, and goes on with what stays', async () => {
    start();
    given.give(0, 1);
    await append(0, 1, 2);
    await Promise.all([reached(0, 1), reached(1, 1)]);
    expect(given.groups).toEqual([['runstream-kept-3', ['runs']]]);
    given.give(1, 2);
    await append(0, 1, 2);
    await Promise.all([reached(1, 2), reached(2, 2)]);
    // what stayed was not claimed again; what was left is read no more
    expect(kept.claims.toSorted()).toEqual(['runs/0', 'runs/1', 'runs/2']);
    expect(kept.positions.get('runs/0')).toBe(1);
    given.give(0);
    await reached(0, 2);
    expect(kept.claims.filter((name) => name === 'runs/0')).toHaveLength(2);
  });

  it('has let go of a partition before it follows the next ones', async () => {
    let release = (): void => undefined;
    const busy = new Promise<void>((resolve) => (release = resolve));
    kept.answer = async ({ partition }) => {
      if (partition.partition === 0) await busy;
      return 'applied';
    };
    let wrote = (): void => undefined;
    const writing = new Promise<void>((resolve) => (wrote = resolve));
    start({ apply: (batch) => (wrote(), kept.apply(batch)) });
    given.give(0);
    await append(0, 1);
    await writing;
    given.give(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(kept.claims).toEqual(['runs/0']);
    release();
    await reached(1, 1);
  });

  it('is over only when nothing is being written any more', async () => {
    let release = (): void => undefined;
    let wrote = (): void => undefined;
    const busy = new Promise<void>((resolve) => (release = resolve));
    const writing = new Promise<void>((resolve) => (wrote = resolve));
    kept.answer = async () => {
      wrote();
      await busy;
      return 'applied';
    };
    start();
    given.give(0);
    await append(0);
    await writing;
    let over = false;
    void done.then(() => (over = true));
    stop.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(over).toBe(false);
    release();
    await done;
    expect(kept.positions.get('runs/0')).toBe(1);
  });

  it('ends all its partitions with the first error that waiting can not mend, and says that one', async () => {
    kept.answer = ({ partition }) =>
      partition.partition === 0 ? Promise.reject(new TypeError('we are wrong')) : Promise.resolve('applied');
    start();
    given.give(0, 1);
    await append(1);
    await reached(1, 1);
    await append(0);
    await expect(done).rejects.toThrow('we are wrong');
    await append(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(kept.positions.get('runs/1')).toBe(1);
  });

  it('tells of a partition that somebody else has claimed, pauses, and claims it again while it is given', async () => {
    const fenced: unknown[] = [];
    let answers: ApplyOutcome[] = ['fenced'];
    kept.answer = () => Promise.resolve(answers.shift() ?? 'applied');
    start({ onFenced: (partition) => fenced.push(partition) });
    given.give(0);
    await append(0);
    await reached(0, 1);
    expect([fenced, kept.claims]).toEqual([[part(0)], ['runs/0', 'runs/0']]);
    // put back: claimed again at once, and nobody else is to blame
    answers = ['stale'];
    await append(0);
    await reached(0, 2);
    expect([fenced.length, kept.claims.length]).toEqual([1, 3]);
  });

  it('leaves a fenced partition alone for the pause, and at all when it is told to stop', async () => {
    let tries = 0;
    let told = (): void => undefined;
    const fenced = new Promise<void>((resolve) => (told = resolve));
    kept.answer = () => Promise.resolve((tries++, 'fenced'));
    start({ limits: { ...projectorLimits, fencedPauseMs: 600_000 }, onFenced: () => told() });
    given.give(0);
    await append(0);
    await fenced;
    stop.abort();
    await done;
    expect([tries, kept.claims.length]).toEqual([1, 1]);
  });

  it('says where each partition stands against the log, and why it waits', async () => {
    const broken = kept.claim.bind(kept);
    kept.claim = (partition) =>
      partition.partition === 1 ? Promise.reject(new Unavailable('claimed by nobody yet', 1)) : broken(partition);
    const stuck: unknown[] = [];
    start({ onStuck: (partition, reason) => stuck.push([partition, reason]) });
    given.give(0, 1);
    await append(0, 0, 1, 2);
    await reached(0, 2);
    await expect.poll(() => stuck.length).toBeGreaterThan(0);
    expect(stuck[0]).toEqual([part(1), 'claimed by nobody yet']);
    const of = { projection: 'kept', generation: 3 };
    expect(await projectionLags(log, kept, progress)).toEqual([
      { ...of, partition: 'runs/0', position: 2, end: 2, waiting: null },
      { ...of, partition: 'runs/1', position: 0, end: 1, waiting: 'claimed by nobody yet' },
      { ...of, partition: 'runs/2', position: 0, end: 1, waiting: null },
    ]);
  });
});

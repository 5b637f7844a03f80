import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Unavailable } from '#libs/domain/rejection.js';
import type { EventLog, StoredRecord } from '#libs/log/event-log.js';
import { batches, persist, projectorLimits, type Hurry, type ProjectorLimits } from './projector.js';

const runs = { topic: 'runs', partition: 0 } as const;
const telemetry = { topic: 'telemetry', partition: 0 } as const;
/** As a queue counts it: the value and 64 bytes around it. */
const recordBytes = 1_000;

/** A log whose one partition is read as the test gives it out, and that tells how far it was read. */
class Given {
  read = 0;
  ended = false;
  #next = 0;
  #wake = (): void => undefined;
  readonly #given: (readonly StoredRecord[] | Error | null)[] = [];

  give(count: number, headers: Record<string, string> = {}): void {
    const value = new Uint8Array(recordBytes - 64);
    this.#push(Array.from({ length: count }, () => ({ ...runs, key: 'k', headers, value, offset: this.#next++, appendedAt: 1 }))); // prettier-ignore
  }
  end(error: Error | null = null): void {
    this.#push(error);
  }
  #push(what: readonly StoredRecord[] | Error | null): void {
    this.#given.push(what);
    this.#wake();
  }
  readonly log = {
    read: (_: unknown, from: number, { signal }: { signal: AbortSignal }) => this.#read(from, signal),
  } as unknown as EventLog;
  async *#read(from: number, signal: AbortSignal): AsyncGenerator<readonly StoredRecord[]> {
    expect(from).toBe(0);
    signal.addEventListener('abort', () => this.#wake());
    try {
      for (;;) {
        while (this.#given.length === 0 && !signal.aborted) await new Promise<void>((resolve) => (this.#wake = resolve)); // prettier-ignore
        if (signal.aborted) return;
        const what = this.#given.shift();
        if (what instanceof Error) throw what;
        if (!what) return;
        this.read += what.length;
        yield what;
      }
    } finally {
      this.ended = true;
    }
  }
}

describe('batches of a partition', () => {
  let given: Given;
  let stop: AbortController;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    given = new Given();
    stop = new AbortController();
  });
  afterEach(() => {
    stop.abort();
    vi.useRealTimers();
  });
  const limits: ProjectorLimits = { ...projectorLimits, flushBytes: 4 * recordBytes, queueBytesMax: 10 * recordBytes };
  const open = (partition: typeof runs | typeof telemetry, hurry?: Hurry, more: Partial<ProjectorLimits> = {}) =>
    batches(given.log, partition, 0, { ...limits, ...more }, stop.signal, hurry)[Symbol.asyncIterator]();
  type Source = ReturnType<typeof open>;
  /** Offsets of the next batch once it is there: after so many ms and not one earlier. */
  const next = async (source: Source, afterMs = 0): Promise<number[] | undefined> => {
    let come: number[] | undefined;
    const coming = source.next().then(({ value, done }) => {
      come = done ? [] : (value as readonly StoredRecord[]).map(({ offset }) => offset);
    });
    await turn();
    await turn();
    if (afterMs > 0) {
      await vi.advanceTimersByTimeAsync(afterMs - 1);
      await turn();
      expect(come).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
    }
    await coming;
    return come;
  };

  it('gather telemetry for the interval, counted from the flush before', async () => {
    const source = open(telemetry);
    given.give(1);
    expect(await next(source)).toEqual([0]);
    given.give(1);
    await vi.advanceTimersByTimeAsync(400);
    given.give(1);
    expect(await next(source, 600)).toEqual([1, 2]);
    // what comes later than that is passed on at once
    await vi.advanceTimersByTimeAsync(1_000);
    given.give(1);
    expect(await next(source)).toEqual([3]);
  });

  it('end gathering as soon as enough bytes are there, and are cut at that', async () => {
    const source = open(telemetry);
    given.give(1);
    await next(source);
    const coming = next(source);
    given.give(3);
    await turn();
    for (let count = 0; count < 4; count++) given.give(1);
    expect(await coming).toEqual([1, 2, 3, 4]);
    expect(await next(source, 1_000)).toEqual([5, 6, 7]);
  });

  it('are never empty, however large a record is', async () => {
    const source = open(runs, undefined, { flushBytes: 1 });
    given.give(2);
    given.give(1);
    expect([await next(source), await next(source)]).toEqual([[0, 1], [2]]); // prettier-ignore
  });

  it('where somebody may wait follow each other sooner: three times what the store took, between 10 and 50 ms', async () => {
    const source = open(runs);
    given.give(1);
    expect(await next(source)).toEqual([0]);
    given.give(1);
    expect(await next(source, 10)).toEqual([1]);
    for (const [busyMs, waitMs, offset] of [[6, 12, 2], [15, 30, 3], [40, 10, 4]] as const) {
      given.give(1);
      await vi.advanceTimersByTimeAsync(busyMs);
      expect(await next(source, waitMs)).toEqual([offset]);
    } // prettier-ignore
  });

  it('hold up no command whose sender waits', async () => {
    const source = open(runs, undefined, { promptIntervalMs: 600_000, flushBytes: 2 * recordBytes });
    given.give(1);
    await next(source);
    const coming = next(source);
    given.give(1, { ce_reply: '1' });
    expect(await coming).toEqual([1]);
    // one that is left in the queue is not held up either
    given.give(1);
    given.give(1);
    given.give(1, { ce_reply: '1' });
    expect([await next(source), await next(source)]).toEqual([[2, 3], [4]]);
    given.give(1, { ce_reply: '0' });
    expect(await next(source, 10)).toEqual([5]);
  });

  it('are handed over when a reader begins to wait, and only for what it waits for', async () => {
    let wanted = false;
    const wakes = new Set<() => void>();
    const source = open(telemetry, {
      wanted: () => wanted,
      watched: () => false,
      onWaiting: (wake) => (wakes.add(wake), () => wakes.delete(wake)),
    });
    given.give(1);
    await next(source);
    const coming = next(source);
    given.give(1);
    await turn();
    for (const wake of wakes) wake();
    await vi.advanceTimersByTimeAsync(500);
    wanted = true;
    for (const wake of wakes) wake();
    expect(await coming).toEqual([1]);
    stop.abort();
    expect(await next(source)).toEqual([]);
    expect(wakes.size).toBe(0);
  });

  it('follow each other sooner while somebody looks, also the one that is being gathered', async () => {
    let watched = false;
    const wakes = new Set<() => void>();
    const source = open(telemetry, {
      wanted: () => false,
      watched: () => watched,
      onWaiting: (wake) => (wakes.add(wake), () => wakes.delete(wake)),
    });
    given.give(1);
    await next(source);
    const coming = next(source);
    given.give(1);
    await vi.advanceTimersByTimeAsync(400);
    watched = true;
    for (const wake of wakes) wake();
    expect(await coming).toEqual([1]);
    // a store that took 40 ms is asked again after three times that
    given.give(1);
    await vi.advanceTimersByTimeAsync(40);
    expect(await next(source, 80)).toEqual([2]);
    // one that is slow, after the interval of those who look
    given.give(1);
    await vi.advanceTimersByTimeAsync(140);
    expect(await next(source, 10)).toEqual([3]);
    watched = false;
    given.give(1);
    expect(await next(source, 1_000)).toEqual([4]);
  });

  it('are read ahead while one is applied, up to a bound', async () => {
    const source = open(runs);
    for (let count = 0; count < 30; count++) given.give(1);
    expect(await next(source)).toEqual([0]);
    await turn();
    // eleven wait, the first beyond the bound included
    expect(given.read).toBe(12);
    expect(await next(source)).toEqual([1, 2, 3, 4]);
    await turn();
    expect(given.read).toBe(16);
  });

  it('end where the log ends, after everything that was read', async () => {
    const source = open(runs);
    given.give(6);
    given.end();
    expect([await next(source), await next(source)]).toEqual([[0, 1, 2, 3, 4, 5], []]);
  });

  it('fail where the log fails, after everything that was read', async () => {
    const source = open(runs);
    given.give(1);
    given.end(new Error('the log is damaged'));
    expect(await next(source)).toEqual([0]);
    await expect(source.next()).rejects.toThrow('the log is damaged');
  });

  it('read nothing any more when their reader leaves, or is told to, also where reading has paused', async () => {
    const source = open(runs);
    for (let count = 0; count < 30; count++) given.give(1);
    await next(source);
    await source.return!();
    expect(given.ended).toBe(true);
    given = new Given();
    const other = open(telemetry);
    for (let count = 0; count < 30; count++) given.give(1);
    await next(other);
    stop.abort();
    expect(await next(other)).toEqual([]);
    expect([given.ended, vi.getTimerCount()]).toEqual([true, 0]);
  });

  it('gather no longer when it is told to stop', async () => {
    const source = open(telemetry);
    given.give(1);
    await next(source);
    given.give(1);
    const coming = next(source);
    await turn();
    stop.abort();
    expect(await coming).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('work on a store that may be away', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const away = new Unavailable('the store is away', 1);

  it('is tried again after pauses that double up to five seconds, and says each time why it waits', async () => {
    const began = Date.now();
    const tries: number[] = [];
    const reasons: string[] = [];
    const work = (): Promise<string> => {
      tries.push(Date.now() - began);
      return tries.length < 10 ? Promise.reject(away) : Promise.resolve('done');
    };
    const done = persist(work, projectorLimits, new AbortController().signal, (reason) => reasons.push(reason));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await done).toBe('done');
    const pauses = tries.slice(1).map((at, index) => at - tries[index]!);
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(reasons).toEqual(Array(9).fill('the store is away'));
  });

  it('is left alone when it is told to stop: before, in a pause, or while it fails for whatever reason', async () => {
    let tries = 0;
    const failing = (error: Error, stop: AbortController, when: 'in it' | 'after it') => () => {
      tries++;
      if (when === 'in it') stop.abort();
      return Promise.reject(error);
    };
    const [before, paused, within] = [0, 1, 2].map(() => new AbortController()) as [AbortController, AbortController, AbortController]; // prettier-ignore
    before.abort();
    const reasons: string[] = [];
    const told = (reason: string) => reasons.push(reason);
    expect(await persist(failing(away, before, 'after it'), projectorLimits, before.signal, told)).toBeUndefined();
    expect(tries).toBe(0);
    const waiting = persist(failing(away, paused, 'after it'), projectorLimits, paused.signal, told);
    await vi.advanceTimersByTimeAsync(10);
    paused.abort();
    expect([await waiting, tries, vi.getTimerCount()]).toEqual([undefined, 1, 0]);
    const broken = new TypeError('torn down');
    expect(await persist(failing(broken, within, 'in it'), projectorLimits, within.signal, told)).toBeUndefined();
    expect([tries, reasons.length]).toEqual([2, 1]);
  });
});

import { describe, expect, it, vi } from 'vitest';
import { Progress } from '#libs/projecting/progress.js';

describe('progress', () => {
  it('forgets what another process waited for, when its reader must have given up', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const telemetry = { topic: 'telemetry', partition: 0 } as const;
      const progress = new Progress();
      progress.want('list', 'telemetry/0', 1_000_000);
      vi.advanceTimersByTime(14_000);
      expect(progress.wanted('list', telemetry)).toBe(true);
      vi.advanceTimersByTime(2_000);
      expect(progress.wanted('list', telemetry)).toBe(false);
      // and it is wanted again when somebody says so again, be it less than before
      progress.want('list', 'telemetry/0', 5);
      expect(progress.wanted('list', telemetry)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('tells other processes what is waited for and not there yet', () => {
    const told: unknown[] = [];
    const progress = new Progress({
      moved: () => undefined,
      wanted: (...wanted) => told.push(wanted),
      looked: () => undefined,
    });
    progress.moved('runs', { topic: 'runs', partition: 0 }, 5);
    const token = new Map([
      ['runs/0', 5],
      ['telemetry/1', 7],
    ]);
    progress.waitFor(['runs', 'points'], token, 1).catch(() => undefined);
    expect(told).toEqual([
      ['runs', 'telemetry/1', 7],
      ['points', 'runs/0', 5],
      ['points', 'telemetry/1', 7],
    ]);
  });

  it('is reached only when every projection contains every named partition', async () => {
    const progress = new Progress();
    const token = new Map([
      ['runs/0', 5],
      ['telemetry/1', 7],
    ]);
    let reached = false;
    const waiting = progress.waitFor(['runs', 'points'], token, 2_000).then(() => (reached = true));
    progress.moved('runs', { topic: 'runs', partition: 0 }, 5);
    progress.moved('runs', { topic: 'telemetry', partition: 1 }, 9);
    progress.moved('points', { topic: 'runs', partition: 0 }, 6);
    progress.moved('points', { topic: 'telemetry', partition: 1 }, 6);
    await Promise.resolve();
    expect(reached).toBe(false);
    progress.moved('points', { topic: 'telemetry', partition: 1 }, 7);
    await waiting;
    expect(reached).toBe(true);
  });

  it('does not wait for a projection that does not follow the topic', async () => {
    const progress = new Progress();
    progress.moved('points', { topic: 'telemetry', partition: 0 }, 1);
    await progress.waitFor(['points'], new Map([['catalog/0', 12]]), 100);
  });

  it('refuses with a code when the position is not reached in time', async () => {
    const progress = new Progress();
    await expect(progress.waitFor(['runs'], new Map([['runs/0', 1]]), 20)).rejects.toMatchObject({
      code: 'STALE_POSITION',
      field: 'at',
    });
  });

  const runs0 = { topic: 'runs', partition: 0 } as const;

  it('knows how far each projection is, and forgets why one was stuck when it moves', () => {
    const progress = new Progress();
    expect([progress.position('list', 'runs/0'), progress.token('list')]).toEqual([undefined, new Map()]);
    progress.stuck('list', runs0, 'the store is down');
    progress.stuck('other', runs0, 'another reason');
    expect(progress.waitingReason('list', 'runs/0')).toBe('the store is down');
    progress.moved('list', runs0, 4);
    progress.moved('list', { topic: 'runs', partition: 1 }, 6);
    expect([progress.waitingReason('list', 'runs/0'), progress.waitingReason('other', 'runs/0')]).toEqual([
      null,
      'another reason',
    ]);
    const token = progress.token('list');
    expect(token).toEqual(new Map([['runs/0', 4], ['runs/1', 6]])); // prettier-ignore
    // a generation that is behind may take the place of the one before
    progress.moved('list', runs0, 2);
    expect([progress.position('list', 'runs/0'), token.get('runs/0')]).toEqual([2, 4]);
  });

  it('tells other processes what it has reached here, and not what it has heard from them', () => {
    const told: unknown[] = [];
    const progress = new Progress({
      moved: (...moved) => told.push(moved),
      wanted: () => undefined,
      looked: () => undefined,
    });
    progress.moved('list', runs0, 4);
    progress.observed('list', 'runs/1', 5);
    expect(told).toEqual([['list', 'runs/0', 4]]);
  });

  it('waits for a projection that has claimed nothing yet, and for a partition of a topic that it follows', async () => {
    const progress = new Progress();
    const refused = { code: 'STALE_POSITION' };
    const none = new Map([['runs/0', 0]]);
    await expect(progress.waitFor(['list'], none, 5)).rejects.toMatchObject(refused);
    progress.moved('list', { topic: 'runs', partition: 1 }, 3);
    await expect(progress.waitFor(['list'], none, 5)).rejects.toMatchObject(refused);
    progress.moved('list', runs0, 0);
    await progress.waitFor(['list'], none, 5);
    // a topic whose name begins alike is another one
    await progress.waitFor(['list'], new Map([['run/0', 7]]), 5);
    await expect(progress.waitFor(['list'], new Map([['runs/0', 1]]), 5)).rejects.toMatchObject(refused);
  });

  it('leaves no timer and nobody waiting behind, whether it was reached or not', async () => {
    vi.useFakeTimers();
    try {
      const progress = new Progress();
      const hurries: string[] = [];
      const end = progress.onWaiting(() => hurries.push('hurry'));
      const reached = progress.waitFor(['list'], new Map([['runs/0', 3]]), 1_000);
      const late = progress.waitFor(['list'], new Map([['runs/0', 9]]), 1_000).catch((error: unknown) => error);
      expect([vi.getTimerCount(), hurries.length]).toEqual([2, 2]);
      progress.moved('list', runs0, 3);
      await reached;
      expect([vi.getTimerCount(), progress.wanted('list', runs0)]).toEqual([1, true]);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await late).toMatchObject({ message: expect.stringContaining('within 1000 ms') as string });
      expect(progress.wanted('list', runs0)).toBe(false);
      end();
      void progress.waitFor(['list'], new Map([['runs/0', 9]]), 1_000).catch(() => undefined);
      expect(hurries).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('is wanted where a reader waits for more of this partition and this projection, to the record', () => {
    const progress = new Progress();
    progress.moved('list', runs0, 5);
    progress.waitFor(['list', 'other'], new Map([['runs/0', 5], ['runs/1', 1]]), 1).catch(() => undefined); // prettier-ignore
    expect(progress.wanted('list', runs0)).toBe(false);
    expect(progress.wanted('other', runs0)).toBe(true);
    expect(progress.wanted('list', { topic: 'runs', partition: 1 })).toBe(true);
    expect(progress.wanted('third', runs0)).toBe(false);
    expect(progress.wanted('list', { topic: 'runs', partition: 2 })).toBe(false);
  });

  it('is wanted elsewhere for the highest position that somebody named, and hurries once for each that is news', () => {
    const progress = new Progress();
    let hurries = 0;
    progress.onWaiting(() => hurries++);
    progress.moved('list', runs0, 5);
    progress.want('list', 'runs/0', 5);
    expect([hurries, progress.wanted('list', runs0)]).toEqual([0, false]);
    progress.want('list', 'runs/0', 8);
    progress.want('list', 'runs/0', 7);
    expect([hurries, progress.wanted('list', runs0), progress.wanted('other', runs0)]).toEqual([1, true, false]);
    progress.moved('list', runs0, 7);
    expect(progress.wanted('list', runs0)).toBe(true);
    // said again by another reader it is wanted for as long again
    progress.want('list', 'runs/0', 8);
    expect(hurries).toBe(2);
    progress.moved('list', runs0, 8);
    expect(progress.wanted('list', runs0)).toBe(false);
  });

  it('is watched for a while after each look, and hurries when it begins to be', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      let [hurries, told] = [0, 0];
      const progress = new Progress({ moved: () => undefined, wanted: () => undefined, looked: () => (told += 1) });
      progress.onWaiting(() => hurries++);
      expect(progress.watched).toBe(false);
      progress.look();
      expect([progress.watched, hurries, told]).toEqual([true, 1, 1]);
      vi.advanceTimersByTime(250);
      progress.look();
      // it is watched already, and others have just been told
      expect([hurries, told]).toEqual([1, 1]);
      vi.advanceTimersByTime(950);
      expect(progress.watched).toBe(true);
      vi.advanceTimersByTime(100);
      expect(progress.watched).toBe(false);
      progress.lookedAt();
      // what was heard from others is not told to them
      expect([progress.watched, hurries, told]).toEqual([true, 2, 1]);
      progress.look();
      expect(told).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });
});

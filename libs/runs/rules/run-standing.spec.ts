import { describe, expect, it } from 'vitest';
import type { AttemptRow } from '../run-table.js';
import { attemptStandingAt, lostAfterMs, standingAt } from './run-standing.js';

const now = 1_000_000;
const attempt = (number: number, state: AttemptRow['state'], beatAt: number | null = null): AttemptRow => ({
  number,
  launch: `l${number}`,
  startedAt: number,
  endedAt: null,
  fromStep: 0,
  toStep: 9,
  worldSize: 1,
  state,
  beatAt,
});
const ended = { status: 'finished', statusReason: 'done', endedAt: 900, heartbeatAt: now, worldSize: 1 } as const;
const running = { ...ended, status: 'running', statusReason: '', endedAt: null } as const;

describe('how a run stands', () => {
  it.each([
    ['running while heard', { ...running, attempts: [attempt(1, 'running')] }, 'running'],
    ['lost when silent', { ...running, heartbeatAt: 5, attempts: [attempt(1, 'running')] }, 'lost'],
    [
      'running without a world size, however silent',
      { ...running, heartbeatAt: 5, worldSize: 0, attempts: [] },
      'running',
    ],
    ['ended', { ...ended, attempts: [attempt(1, 'finished')] }, 'finished'],
    [
      'running while an attempt beside the ended one lives',
      { ...ended, attempts: [attempt(1, 'running', now - 10), attempt(2, 'finished')] },
      'running',
    ],
    [
      'ended when the attempt beside the ended one died unheard',
      { ...ended, attempts: [attempt(1, 'running', now - lostAfterMs - 1), attempt(2, 'finished')] },
      'finished',
    ],
    [
      'ended when one that never sent a heartbeat arrives late',
      { ...ended, attempts: [attempt(2, 'running'), attempt(1, 'finished')] },
      'finished',
    ],
  ] as const)('is %s', (_, run, status) => {
    const standing = standingAt(run, now);
    expect(standing.status).toBe(status);
    expect(standing.endedAt).toBe(status === 'finished' ? 900 : null);
    expect(standing.reason).toBe(status === 'finished' ? 'done' : '');
  });

  it('calls an attempt lost when others began after it and its writers are silent', () => {
    const run = { ...running, attempts: [attempt(1, 'running', 5), attempt(2, 'running', now), attempt(3, 'running')] };
    expect(run.attempts.map((one) => attemptStandingAt(run, one, now))).toEqual(['lost', 'running', 'running']);
  });

  it('is lost only after a whole silence, and lasts until its last sign of life', () => {
    const heard = (heartbeatAt: number) => standingAt({ ...running, heartbeatAt, attempts: [] }, now);
    expect(heard(now - lostAfterMs)).toEqual({ status: 'running', reason: '', endedAt: null, until: now });
    const lastSign = now - lostAfterMs - 1;
    expect(heard(lastSign)).toEqual({ status: 'lost', reason: '', endedAt: null, until: lastSign });
  });

  it('lasts until its end, or until now while an attempt beside the ended one lives', () => {
    expect(standingAt({ ...ended, attempts: [attempt(1, 'finished')] }, now).until).toBe(900);
    expect(standingAt({ ...ended, endedAt: null, attempts: [] }, now)).toMatchObject({ endedAt: null, until: now });
    const beside = [attempt(1, 'running', now - lostAfterMs), attempt(2, 'finished', now)];
    expect(standingAt({ ...ended, attempts: beside }, now)).toMatchObject({ status: 'running', until: now });
  });

  it('calls an attempt what it ended as, even while its writers are heard', () => {
    const run = { ...ended, attempts: [attempt(1, 'failed', now), attempt(2, 'finished', now)] };
    expect(run.attempts.map((one) => attemptStandingAt(run, one, now))).toEqual(['failed', 'finished']);
    expect(standingAt(run, now).status).toBe('finished');
  });
});

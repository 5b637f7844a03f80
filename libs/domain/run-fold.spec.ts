import { describe, expect, it } from 'vitest';
import type { EventData, EventName, Writer } from './event.js';
import { attemptOfEvent, foldRun, type RunEvent, type RunState, type WriterState } from './run-fold.js';
import type { FoldVerdict } from './run-fold-verdict.js';

const start = {
  project: 'p',
  name: '',
  group: '',
  jobType: '',
  user: '',
  notes: '',
  tags: {},
  params: [],
  environment: null,
  worldSize: 1,
  launch: 'l',
  fromStep: 0,
  hasFromStep: false,
  costPerHour: 0,
  labels: [],
};
const finish = { state: 'finished', reason: '', lastTelemetrySeq: 3, lastRunsSeq: 2, exitCode: 0, wholeRun: false };
const by = (rank: number, attempt = 1): Writer => ({ id: `w${rank}`, attempt, rank, seq: 1 });

function event<Name extends EventName>(
  name: Name,
  data: Partial<EventData[Name]>,
  writer: Writer | null = null,
  timeMs = 1,
  reply = false,
): RunEvent {
  const whole = name === 'RunStarted' ? { ...start, ...data } : name === 'RunFinished' ? { ...finish, ...data } : data;
  return { id: 'e', source: '', subject: 'r', timeMs, writer, reply, name, data: whole } as unknown as RunEvent;
}

function fold(...events: RunEvent[]): { state: RunState | null; verdicts: FoldVerdict[] } {
  let state: RunState | null = null;
  const writers = new Map<string, WriterState | null>();
  const verdicts: FoldVerdict[] = [];
  for (const one of events) {
    const key = `${one.writer?.id} ${attemptOfEvent(state, one)}`;
    const folded = foldRun(state, one.writer ? (writers.get(key) ?? null) : null, one);
    state = folded.state;
    if (one.writer) writers.set(key, folded.writer);
    verdicts.push(folded.verdict);
  }
  return { state, verdicts };
}

describe('attempts', () => {
  it('joins ranks of one launch and makes a new attempt of another', () => {
    const { state, verdicts } = fold(
      event('RunStarted', { worldSize: 2 }, by(1, 0)),
      event('RunStarted', { worldSize: 2 }, by(0, 0)),
      event('RunFinished', { state: 'failed', reason: 'oom' }, by(1)),
      event('RunStarted', { launch: 'm', worldSize: 2 }, by(0, 0)),
    );
    expect(state!.attempts.map(({ number, launch }) => [number, launch])).toEqual([
      [1, 'l'],
      [2, 'm'],
    ]);
    expect(verdicts.at(-1)).toEqual({ accepted: true, attempt: 2, attemptStartedAtMs: 1 });
    expect(state!.status).toBe('running');
  });

  it('is finished when every rank of the newest attempt is, and not before', () => {
    const events = [
      event('RunStarted', { worldSize: 2 }, by(0)),
      event('RunFinished', {}, by(0), 5),
      event('RunFinished', {}, by(0), 5),
    ];
    expect(fold(...events).state!.status).toBe('running');
    const { state } = fold(...events, event('RunStarted', { worldSize: 2 }, by(1)), event('RunFinished', {}, by(1), 9));
    expect(state).toMatchObject({ status: 'finished', endedAt: 9 });
  });

  it('runs again when an ended attempt is resumed', () => {
    const resumed = event(
      'RunResumed',
      { attempt: 1, launch: 'l', fromStep: 0, hasFromStep: false, worldSize: 1, environment: null },
      by(0),
      6,
    );
    const ended = [event('RunStarted', {}, by(0)), event('RunFinished', {}, by(0), 5)];
    expect(fold(...ended).state!.status).toBe('finished');
    expect(fold(...ended, resumed).state).toMatchObject({ status: 'running', endedAt: null });
    expect(fold(...ended, resumed, event('RunFinished', { state: 'killed' }, by(0), 8)).state).toMatchObject({
      status: 'killed',
      endedAt: 8,
    });
  });

  it('stays failed when a resume that was said before the failure arrives after it', () => {
    const resumed = (rank: number, timeMs: number): RunEvent =>
      event(
        'RunResumed',
        { attempt: 1, launch: 'm', fromStep: 0, hasFromStep: false, worldSize: 2, environment: null },
        by(rank),
        timeMs,
      );
    const failed = event('RunFinished', { state: 'failed', reason: 'oom' }, by(0), 9);
    const before = [event('RunStarted', { worldSize: 2 }, by(0)), resumed(0, 6), failed];
    for (const late of [resumed(1, 7), resumed(0, 6)])
      expect(fold(...before, late).state).toMatchObject({ status: 'failed', statusReason: 'oom', endedAt: 9 });
    expect(fold(...before, resumed(0, 10)).state).toMatchObject({ status: 'running', endedAt: null });
  });

  it('orders attempts by when they began: one that becomes known late neither reopens nor overrules the run', () => {
    const late = (name: 'RunStarted' | 'RunFinished', timeMs: number, data = {}): RunEvent =>
      event(name, { launch: 'lost node', ...data }, { ...by(7, name === 'RunStarted' ? 0 : 2), id: 'late' }, timeMs);
    const known = [event('RunStarted', {}, by(0, 0), 100), event('RunFinished', {}, by(0), 200)];
    const open = fold(...known, late('RunStarted', 50)).state!;
    expect(open).toMatchObject({ status: 'finished', endedAt: 200, openAttempts: [2] });
    const ended = fold(...known, late('RunStarted', 50), late('RunFinished', 60, { state: 'failed' })).state!;
    expect(ended).toMatchObject({ status: 'finished', endedAt: 200, openAttempts: [] });
    // the same events the other way round: other numbers, the same standing
    const first = fold(late('RunStarted', 50), event('RunStarted', {}, by(0, 0), 100)).state!;
    expect(first.attempts.map(({ number, startedAt }) => [number, startedAt])).toEqual([
      [1, 50],
      [2, 100],
    ]);
    expect(fold(late('RunStarted', 50), known[0]!, event('RunFinished', {}, by(0, 2), 200)).state).toMatchObject({
      status: 'finished',
      endedAt: 200,
      openAttempts: [1],
    });
  });

  it('goes on while an attempt beside the one that ended does, and ends as the one that ended last', () => {
    const evaluation = [
      event('RunStarted', { launch: 'eval' }, { ...by(0, 0), id: 'e' }, 300),
      event('RunFinished', {}, { ...by(0, 2), id: 'e' }, 310),
    ];
    const train = event('RunStarted', {}, by(0, 0), 100);
    expect(fold(train, ...evaluation).state).toMatchObject({ status: 'finished', openAttempts: [1] });
    const crashed = event('RunFinished', { state: 'failed', reason: 'oom' }, by(0), 400);
    expect(fold(train, ...evaluation, crashed).state).toMatchObject({
      status: 'failed',
      statusReason: 'oom',
      endedAt: 400,
      openAttempts: [],
    });
  });

  it('fails as soon as one rank fails', () => {
    const { state } = fold(
      event('RunStarted', { worldSize: 8 }, by(0)),
      event('RunFinished', { state: 'failed', reason: 'oom' }, by(3)),
    );
    expect(state).toMatchObject({ status: 'failed', statusReason: 'oom' });
  });
});

describe('facts', () => {
  it('lets rank 0 win in either order and keeps what only others said', () => {
    const zero = event('RunStarted', { name: 'zero', params: [{ key: 'a', json: '0' }] }, by(0));
    const one = event('RunStarted', { name: 'one', user: 'u', params: [{ key: 'a', json: '1' }] }, by(1));
    for (const order of [
      [zero, one],
      [one, zero],
    ]) {
      const { state } = fold(...order);
      expect([state!.facts.name.value, state!.facts.user.value, state!.params['a']!.value]).toEqual(['zero', 'u', '0']);
    }
  });

  it('keeps params that came before the run and never lets a start undo an explicit word', () => {
    const { state } = fold(
      event('ParamsLogged', { params: [{ key: '__proto__', json: '1' }], immutable: false }, by(1)),
      event('RunRenamed', { name: 'mine' }, by(1)),
      event('RunStarted', { name: 'zero' }, by(0)),
    );
    expect(Object.hasOwn(state!.params, '__proto__')).toBe(true);
    expect(state).toMatchObject({ started: true, facts: { name: { value: 'mine' } } });
  });

  it('refuses another value of an immutable param and takes the same one', () => {
    const log = (json: string, immutable: boolean): RunEvent =>
      event('ParamsLogged', { params: [{ key: 'lr', json }], immutable });
    const { state, verdicts } = fold(
      event('RunStarted', {}),
      log('1', true),
      log('1', true),
      log('2', true),
      log('3', false),
    );
    expect(verdicts.map((verdict) => (verdict.accepted ? 'yes' : verdict.code))).toEqual([
      'yes',
      'yes',
      'yes',
      'PARAM_CONFLICT',
      'yes',
    ]);
    expect(state!.params['lr']!.value).toBe('3');
  });
});

describe('deleting', () => {
  it('refuses everything but restore, and archived runs go on', () => {
    const { state, verdicts } = fold(
      event('RunStarted', {}),
      event('RunArchived', {}),
      event('NoteSet', { text: 'n' }),
      event('RunDeleted', {}),
      event('NoteSet', { text: 'lost' }),
      event('RunStarted', {}, by(0)),
      event('RunRestored', {}),
    );
    expect(verdicts.map((verdict) => (verdict.accepted ? 'yes' : verdict.code))).toEqual([
      'yes',
      'yes',
      'yes',
      'yes',
      'RUN_DELETED',
      'RUN_DELETED',
      'yes',
    ]);
    expect(state).toMatchObject({ archived: false, deleted: false, facts: { notes: { value: 'n' } } });
  });

  it('keeps what a training says while its run is deleted, for the day it is restored', () => {
    const { state } = fold(
      event('RunStarted', {}, by(0)),
      event('RunDeleted', {}),
      event('ParamsLogged', { params: [{ key: 'late', json: '1' }] }, by(0)),
      event('TagsSet', { tags: {}, removed: [], labels: ['late'], labelsRemoved: [] }, by(0)),
      event('RunFinished', { state: 'finished' }, by(0)),
    );
    expect(state).toMatchObject({
      deleted: true,
      labels: ['late'],
      params: { late: { value: '1' } },
      status: 'finished',
    });
    expect(
      fold(event('RunStarted', {}), event('RunDeleted', {}), event('NoteSet', { text: 'x' })).verdicts.at(-1),
    ).toMatchObject({
      code: 'RUN_DELETED',
    });
  });

  it('refuses commands about unknown runs and forks over known ones', () => {
    const fork = { fromRun: 'a', fromAttempt: 0, fromStep: 7, project: 'p', name: 'f' };
    const { state, verdicts } = fold(
      event('RunRenamed', { name: 'x' }, null, 1, true),
      event('RunForked', fork),
      event('RunForked', fork),
    );
    expect(verdicts).toMatchObject([{ code: 'NOT_FOUND' }, { accepted: true }, { code: 'ALREADY_EXISTS' }]);
    expect(state!.forkOf).toEqual({ run: 'a', attempt: null, step: 7 });
  });
});

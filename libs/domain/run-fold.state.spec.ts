import { describe, expect, it } from 'vitest';
import type { EventData, EventName, Writer } from './event.js';
import { attemptFor, attemptStatus, standingOf } from './run-fold-attempts.js';
import { given, merge } from './run-fold-facts.js';
import { attemptOfEvent, emptyRun, foldRun, type RunEvent, type RunState, type WriterState } from './run-fold.js';

const by = (rank: number, attempt = 1): Writer => ({ id: `w${rank}`, attempt, rank, seq: 1 });
const start = {
  ...{ project: 'p', name: '', group: '', jobType: '', user: '', notes: '', tags: {}, params: [], environment: null },
  ...{ worldSize: 1, launch: 'l', fromStep: 0, hasFromStep: false, costPerHour: 0, labels: [] },
};
const finish = { state: 'finished', reason: '', lastTelemetrySeq: 3, lastRunsSeq: 2, exitCode: 0, wholeRun: false };
const resume = { attempt: 0, launch: 'l', fromStep: 0, hasFromStep: false, worldSize: 1, environment: null };
const defaults: Partial<Record<EventName, object>> = { RunStarted: start, RunFinished: finish, RunResumed: resume };
const event = (name: EventName, data: object = {}, writer: Writer | null = null, timeMs = 1, reply = false): RunEvent =>
  ({ id: 'e', source: '', subject: 'r', timeMs, writer, reply, name, data: { ...defaults[name], ...data } }) as never;
const environment = (host: string) => ({ host }) as NonNullable<EventData['EnvironmentCaptured']['environment']>;

function fold(...events: RunEvent[]): { state: RunState; writer: WriterState | null; refused: (string | null)[] } {
  let [state, writer]: [RunState | null, WriterState | null] = [null, null];
  const writers = new Map<string, WriterState | null>();
  const refused = [];
  for (const one of events) {
    const key = `${one.writer?.id} ${attemptOfEvent(state, one)}`;
    const folded = foldRun(state, one.writer ? (writers.get(key) ?? null) : null, one);
    [state, writer] = [folded.state, folded.writer];
    if (one.writer) writers.set(key, writer);
    refused.push(folded.verdict.accepted ? null : folded.verdict.code);
  }
  return { state: state!, writer, refused };
}
const nothing = { value: '', origin: 0 };
const noFacts = { project: nothing, name: nothing, group: nothing, jobType: nothing, user: nothing, notes: nothing };
const attempt = {
  ...{ number: 1, launch: null, startedAt: null, orderAt: null, endedAt: null, fromStep: null, worldSize: 0 },
  ...{ writers: 0, finished: 0, failed: 0, killed: 0, whole: null, reason: '' },
} as const;

describe('the state of a run', () => {
  it('is empty but for its name while only a note of somebody is known', () => {
    const empty = {
      ...{ id: 'r', started: false, facts: noFacts, costPerHour: { value: 0, origin: 0 } },
      ...{ environment: { value: null, origin: 0 }, tags: {}, params: {}, labels: [], summarySet: {} },
      ...{ status: 'running', statusReason: '', archived: false, deleted: false, startedAt: 7, endedAt: null },
      ...{ worldSize: 0, attempts: [], openAttempts: [], forkOf: null },
    };
    expect(emptyRun('r', 7)).toEqual(empty);
    expect(fold(event('ArtifactLogged', {}, null, 7))).toEqual({ state: empty, writer: null, refused: [null] });
    for (const name of ['ArtifactUsed', 'InputsLogged', 'OutputsLogged'] as const)
      expect(fold(event(name, {}, null, 7)).state).toEqual(empty);
  });

  it('is all that its start said, by whom', () => {
    const said = { name: 'n', group: 'g', jobType: 'j', user: 'u', notes: 'x', costPerHour: 2, worldSize: 4 };
    const more = { tags: { team: 'a' }, params: [{ key: 'lr', json: '1' }], labels: ['b', 'a', 'b'], fromStep: 5 };
    const { state, writer } = fold(
      event('RunStarted', { ...said, ...more, hasFromStep: true, environment: environment('h') }, by(1), 9),
    );
    const origin = 1;
    expect(state).toEqual({
      ...emptyRun('r', 9),
      started: true,
      facts: {
        project: { value: 'p', origin },
        name: { value: 'n', origin },
        group: { value: 'g', origin },
        jobType: { value: 'j', origin },
        user: { value: 'u', origin },
        notes: { value: 'x', origin },
      },
      costPerHour: { value: 2, origin },
      environment: { value: environment('h'), origin },
      tags: { team: { value: 'a', origin } },
      params: { lr: { value: '1', origin } },
      labels: ['a', 'b'],
      worldSize: 4,
      attempts: [{ ...attempt, launch: 'l', startedAt: 9, orderAt: 9, fromStep: 5, worldSize: 4, writers: 1 }],
    });
    expect(writer).toEqual({ state: 'running', host: 'h', lastTelemetrySeq: null, lastRunsSeq: null });
    const whose = (from: Writer | null) => fold(event('RunStarted', {}, from)).state.facts.project.origin;
    expect([whose(by(0)), whose(null)]).toEqual([2, 2]);
  });

  it('keeps the earliest start, the first step gone back to, the widest world and all labels', () => {
    const begin = (timeMs: number, data: object): RunEvent => event('RunStarted', data, by(0), timeMs);
    const { state, writer } = fold(
      begin(9, { labels: ['b'], worldSize: 2, environment: environment('h'), fromStep: 8, hasFromStep: true }),
      begin(5, { labels: ['a'], worldSize: 3, fromStep: 6, hasFromStep: true }),
      begin(12, { fromStep: 7, hasFromStep: true, worldSize: 1 }),
      begin(12, { fromStep: 1 }),
    );
    expect(state).toMatchObject({ startedAt: 5, labels: ['a', 'b'], worldSize: 3, environment: { origin: 2 } });
    expect(state.attempts).toMatchObject([{ startedAt: 5, orderAt: 9, fromStep: 6, writers: 1 }]);
    expect(writer!.host).toBe('h');
    const ahead = fold(event('ParamsLogged', { params: [] }, by(0), 2), begin(9, { labels: [] })).state;
    expect(ahead).toMatchObject({ startedAt: 9, attempts: [{ startedAt: 9 }] });
    const late = fold(begin(9, { worldSize: 4 }), event('RunStarted', { worldSize: 0, launch: 'm' }, by(0, 2), 10));
    expect(late.state.worldSize).toBe(4);
  });

  it('is changed by each later word, which no start undoes', () => {
    const words = [
      event('NoteSet', { text: 'note' }),
      event('RunRenamed', { name: 'mine' }),
      event('RunMoved', { project: 'home', group: 'g' }),
      event('RunMoved', { project: 'other', group: '' }),
      event('TagsSet', { tags: { a: '1', b: '2' }, removed: [], labels: ['y', 'x'], labelsRemoved: [] }),
      event('TagsSet', { tags: { c: '3' }, removed: ['a', 'none'], labels: ['w'], labelsRemoved: ['y'] }),
      event('SummarySet', { values: [{ key: 'best', json: '1' }] }),
      event('SummarySet', { values: [{ key: 'last', json: '2' }] }),
      event('EnvironmentCaptured', { environment: environment('own') }),
    ];
    const { state } = fold(
      ...words,
      event('RunStarted', { name: 'x', notes: 'y', project: 'first', group: 'f', tags: { b: '9' } }, by(0)),
    );
    const origin = 3;
    expect(state).toMatchObject({
      facts: {
        ...{ notes: { value: 'note', origin }, name: { value: 'mine', origin } },
        ...{ project: { value: 'other', origin }, group: { value: '', origin } },
      },
      tags: { b: { value: '2', origin }, c: { value: '3', origin } },
      labels: ['w', 'x'],
      summarySet: { best: '1', last: '2' },
      environment: { value: environment('own'), origin },
    });
    expect(Object.keys(state.tags)).toEqual(['b', 'c']);
    expect(fold(...words, event('EnvironmentCaptured', {})).state.environment).toEqual({ value: null, origin });
    expect(fold(event('RunStarted'), event('RunArchived')).state.archived).toBe(true);
  });

  it('knows what it was forked from', () => {
    const fork = { fromRun: 'a', fromAttempt: 2, fromStep: 7, project: 'p', name: 'f' };
    const { state } = fold(event('RunForked', fork, null, 8));
    const facts = { ...noFacts, project: { value: 'p', origin: 1 }, name: { value: 'f', origin: 1 } };
    const forkOf = { run: 'a', attempt: 2, step: 7 };
    expect(state).toEqual({ ...emptyRun('r', 8), started: true, facts, forkOf });
  });
});

describe('a writer and its attempt', () => {
  it('end once, however often it is said, each time with the newest word', () => {
    const begin = event('RunStarted', { worldSize: 2 }, by(0), 1);
    const end = (state: string, timeMs: number, data: object = {}): RunEvent =>
      event('RunFinished', { state, ...data }, by(0), timeMs);
    const of = (...events: RunEvent[]) => fold(begin, ...events).state.attempts[0]!;
    expect(of(end('failed', 5), end('finished', 4))).toMatchObject({ finished: 1, failed: 0, killed: 0, endedAt: 5 });
    expect(of(end('killed', 5), end('killed', 6))).toMatchObject({ finished: 0, failed: 0, killed: 1, endedAt: 6 });
    expect(fold(begin, end('finished', 5, { lastTelemetrySeq: 8, lastRunsSeq: 9 })).writer).toEqual({
      ...{ state: 'finished', host: '', lastTelemetrySeq: 8, lastRunsSeq: 9 },
    });
    // a failure tells why; that another finished with a word of its own does not hide it
    expect(of(end('failed', 5, { reason: 'oom' }), end('finished', 6, { reason: 'done' })).reason).toBe('oom');
    expect(of(end('finished', 5, { reason: 'done' }), end('failed', 6, { reason: 'oom' })).reason).toBe('oom');
    expect(of(end('finished', 5, { reason: 'done' })).reason).toBe('done');
    expect(of(end('failed', 5, { reason: 'oom' }), end('failed', 6)).reason).toBe('oom');
  });

  it('may be ended as a whole by somebody else, who may correct the time; a writer may not', () => {
    const begin = event('RunStarted', { worldSize: 2 }, by(0), 1);
    const whole = (timeMs: number, writer: Writer | null) =>
      event('RunFinished', { state: 'killed', wholeRun: true }, writer, timeMs);
    const person = fold(begin, whole(9, null), whole(5, null));
    expect(person.state).toMatchObject({ status: 'killed', endedAt: 5 });
    expect(person.state.attempts).toMatchObject([{ whole: 'killed', killed: 0, writers: 1 }]);
    expect(person.writer).toBeNull();
    expect(fold(begin, whole(9, by(0)), whole(5, by(0))).state.endedAt).toBe(9);
    const part = event('RunFinished', { state: 'finished' }, by(0), 10);
    expect(fold(begin, whole(9, null), part).state).toMatchObject({ status: 'killed', endedAt: 10 });
    expect(fold(begin, event('RunFinished', { state: 'failed' }, null, 3)).state.attempts).toMatchObject([
      { failed: 0 },
    ]);
  });

  it('go on when they are resumed after their end, with what the resume says', () => {
    const begun = [
      event('RunStarted', { environment: environment('h') }, by(0), 1),
      event('RunFinished', {}, by(0), 5),
    ];
    const again = (timeMs: number, data: object = {}) => event('RunResumed', data, by(0), timeMs);
    const { state, writer } = fold(...begun, again(6, { environment: environment('g'), worldSize: 3 }));
    expect(state).toMatchObject({ status: 'running', worldSize: 3, environment: { value: { host: 'g' }, origin: 3 } });
    expect(state.attempts).toMatchObject([{ finished: 0, endedAt: null, whole: null }]);
    expect(writer!.host).toBe('g');
    const silent = fold(...begun, again(6));
    expect([silent.writer!.host, silent.state.environment.value]).toEqual(['h', environment('h')]);
    // at the time of the end, or before it: not after it
    expect(fold(...begun, again(5)).state.status).toBe('finished');
    expect(fold(begun[0]!, again(5)).state.attempts).toMatchObject([{ finished: 0, startedAt: 1 }]);
    // a start of the same attempt takes nothing back
    expect(fold(...begun, event('RunStarted', {}, by(0), 9)).state.status).toBe('finished');
  });

  it('are those the event says, else those of its launch, else the newest', () => {
    const two = fold(
      event('RunStarted', { launch: 'b' }, by(0, 2), 1),
      event('RunStarted', { launch: 'a' }, by(0, 1), 2),
    ).state;
    expect(two.attempts.map(({ number }) => number)).toEqual([1, 2]);
    const of = (one: RunEvent): number => attemptOfEvent(two, one);
    expect(of(event('NoteSet', {}, by(0, 7)))).toBe(7);
    expect(of(event('RunStarted', { launch: 'b' }))).toBe(2);
    expect(of(event('RunStarted', { launch: 'c', attempt: 1 }))).toBe(3);
    expect(of(event('RunResumed', { launch: 'b', attempt: 0 }))).toBe(2);
    expect(of(event('RunResumed', { launch: 'b', attempt: 5 }))).toBe(5);
    // by when they began, not by number
    expect(of(event('NoteSet'))).toBe(1);
    expect([attemptOfEvent(null, event('NoteSet')), attemptOfEvent(null, event('RunStarted'))]).toEqual([1, 1]);
    const verdict = foldRun(two, null, event('NoteSet', { text: '' })).verdict;
    expect(verdict).toEqual({ accepted: true, attempt: 1, attemptStartedAtMs: 2 });
    expect(foldRun(null, null, event('RunForked', { fromStep: 0 })).verdict).toEqual({ accepted: true, attempt: 1 });
  });

  it('belong to a launch that waits, or to a new one', () => {
    const known = [
      { ...attempt, launch: 'a' },
      { ...attempt, number: 4 },
    ];
    expect([attemptFor(known, 9, 'a'), attemptFor(known, 0, 'a'), attemptFor(known, 0, 'x')]).toEqual([9, 1, 4]);
    expect([attemptFor(known.slice(0, 1), 0, 'x'), attemptFor([], 0, 'x')]).toEqual([2, 1]);
  });

  it('stand by their writers: one failure is enough, an end needs all', () => {
    const of = (data: object) => attemptStatus({ ...attempt, ...data });
    expect([of({}), of({ writers: 2, finished: 1 }), of({ writers: 2, finished: 2 })]).toEqual([
      'running',
      'running',
      'finished',
    ]);
    expect([of({ worldSize: 3, writers: 2, finished: 2 }), of({ worldSize: 1, writers: 2, finished: 1 })]).toEqual([
      'running',
      'running',
    ]);
    expect([of({ failed: 1, killed: 1 }), of({ killed: 1 }), of({ failed: 1, whole: 'finished' })]).toEqual([
      'failed',
      'killed',
      'finished',
    ]);
    expect(standingOf([])).toBeNull();
    const ended = { ...attempt, orderAt: 1, failed: 1, reason: 'first', endedAt: 5 };
    const same = { ...attempt, number: 2, orderAt: 2, killed: 1, reason: 'second', endedAt: 5 };
    // ended at the same time: the later one
    expect(standingOf([ended, same])).toEqual({ status: 'killed', reason: 'second', endedAt: 5, openAttempts: [] });
    expect(standingOf([ended, { ...same, endedAt: 4 }])).toMatchObject({ status: 'failed', reason: 'first' });
    expect(standingOf([{ ...ended, failed: 0 }, same])).toMatchObject({ status: 'killed', openAttempts: [1] });
  });
});

describe('what is refused', () => {
  it('is a command about a run that nobody started, and no word of a writer or of an event without an answer', () => {
    const note = (writer: Writer | null, reply: boolean) =>
      fold(event('NoteSet', { text: '' }, writer, 1, reply)).refused;
    expect([note(null, true), note(by(0), true), note(null, false)]).toEqual([['NOT_FOUND'], [null], [null]]);
    expect(fold(event('RunStarted', {}, null, 1, true)).refused).toEqual([null]);
    expect(fold(event('RunForked', { fromStep: 0 }, null, 1, true)).refused).toEqual([null]);
    expect(fold(event('RunStarted'), event('NoteSet', { text: '' }, null, 1, true)).refused).toEqual([null, null]);
    expect(fold(event('RunStarted'), event('RunForked', { fromStep: 0 })).refused[1]).toBe('ALREADY_EXISTS');
    expect(fold(event('RunStarted'), event('RunDeleted'), event('RunResumed', {}, by(0))).refused[2]).toBe(
      'RUN_DELETED',
    );
  });

  it('is another value of a param that must not change, named, its values cut', () => {
    const log = (json: string, key = 'lr') =>
      event('ParamsLogged', {
        params: [
          { key: 'x', json: '0' },
          { key, json },
        ],
        immutable: true,
      });
    const { state } = fold(event('RunStarted', {}, by(0)), log('1'));
    const { verdict } = foldRun(state, null, log('2'));
    expect(verdict).toEqual({
      ...{ accepted: false, code: 'PARAM_CONFLICT', field: 'data.params[1]' },
      message: `param "lr" is 1 and can't be changed to 2; log it under another key`,
    });
    expect(foldRun(null, null, log('2')).verdict.accepted).toBe(true);
    const long = fold(log('y'.repeat(300))).state;
    expect((foldRun(long, null, log('z'.repeat(300))).verdict as { message: string }).message.length).toBeLessThan(500);
  });
});

describe('a fact', () => {
  it('is missing when it says nothing, and then changes nothing but the kind of nothing', () => {
    for (const empty of ['', null, 0]) {
      expect(merge<unknown>({ value: 'x', origin: 1 }, empty, 3)).toEqual({ value: 'x', origin: 1 });
      expect(merge<unknown>({ value: 'x', origin: 0 }, empty, 3)).toEqual({ value: empty, origin: 0 });
    }
    const known = { value: '', origin: 0 } as const;
    expect(merge<string>(known, '', 2)).toBe(known);
  });

  it('is the first of equal origin, the last of explicit ones, and never a key of the prototype', () => {
    expect(merge<string>({ value: 'a', origin: 2 }, 'b', 2).value).toBe('a');
    expect(merge<string>({ value: 'a', origin: 2 }, 'b', 1).value).toBe('a');
    expect(merge<string>({ value: 'a', origin: 1 }, 'b', 2)).toEqual({ value: 'b', origin: 2 });
    expect(merge<string>({ value: 'a', origin: 3 }, 'b', 3).value).toBe('b');
    expect([given({ a: 1 }, 'a'), given({}, 'toString'), given(undefined, 'a')]).toEqual([1, undefined, undefined]);
  });
});

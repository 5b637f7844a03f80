import { describe, expect, it } from 'vitest';
import type { EventData } from './event.js';
import { limits } from './limits.js';
import { foldTrace, type TraceEvent, type TraceState } from './trace-fold.js';

const head = { id: 'e', source: 's', subject: 'tr-1', timeMs: 1, writer: null, reply: true };
type Said = { readonly [Name in TraceEvent['name']]: readonly [Name, Partial<EventData[Name]>] }[TraceEvent['name']];
const trace = {
  project: 'p',
  timeMs: 100,
  durationMs: 10,
  hasDuration: true,
  state: 'OK',
  requestPreview: '',
  responsePreview: '',
  clientRequestId: '',
  metadata: {},
  tags: {},
  fromSpans: false,
};
const logged = (more: Partial<EventData['TraceLogged']>): Said => ['TraceLogged', { ...trace, ...more }];
const spans = (more: Partial<EventData['TraceLogged']>): Said => logged({ ...more, fromSpans: true });
const assessed = (ids: readonly string[], removed: readonly string[] = []): Said => [
  'TraceAssessed',
  { assessments: ids.map((key) => ({ key, json: JSON.stringify({ key }) })), removed },
];

function fold(...events: readonly Said[]) {
  let state: TraceState | null = null;
  const refusals: string[] = [];
  for (const [name, data] of events) {
    const { trace: next, verdict } = foldTrace(state, { ...head, name, data } as TraceEvent);
    state = next;
    if (!verdict.accepted) refusals.push(`${verdict.code} ${verdict.field}`);
  }
  return { state, refusals };
}

describe('the fold of a trace', () => {
  it('learns from spans when it was and how it went, until its client says so', () => {
    const child = spans({ timeMs: 103, durationMs: 4, state: '', tags: { a: 'span' } });
    const root = spans({ timeMs: 101, durationMs: 9, state: 'ERROR', requestPreview: 'q' });
    expect(fold(child).state).toMatchObject({ timeMs: 103, durationMs: 4, state: 'IN_PROGRESS', told: false });
    expect(fold(child, root).state).toMatchObject({ timeMs: 101, durationMs: 9, state: 'ERROR', requestPreview: 'q' });
    expect(fold(root, child).state).toMatchObject({ timeMs: 101, durationMs: 9, state: 'ERROR', requestPreview: 'q' });
    const own = logged({ tags: { a: 'client' }, project: 'q' });
    for (const order of [
      [child, root, own],
      [child, own, root],
      [own, child, root],
    ])
      expect(fold(...order).state).toMatchObject({
        ...{ project: 'q', timeMs: 100, durationMs: 10, state: 'OK', requestPreview: 'q' },
        tags: { a: 'client' },
        told: true,
      });
  });

  it('has no end before a span has one', () => {
    const open = spans({ hasDuration: false, durationMs: 0 });
    expect(fold(open).state!.durationMs).toBeNull();
    expect(fold(open, spans({ timeMs: 105, durationMs: 5 })).state).toMatchObject({ timeMs: 100, durationMs: 10 });
    expect(fold(spans({ timeMs: 105, durationMs: 5 }), open).state).toMatchObject({ timeMs: 100, durationMs: 10 });
  });

  it('keeps assessments by id, the newer word, and refuses to remove what is not there', () => {
    const { state, refusals } = fold(logged({}), assessed(['b', 'a', '__proto__']), assessed(['a'], ['b']));
    expect(Object.entries(state!.assessments)).toEqual([
      ['a', { key: 'a' }],
      ['__proto__', { key: '__proto__' }],
    ]);
    expect(refusals).toEqual([]);
    expect(fold(logged({}), assessed([], ['x'])).refusals).toEqual(['NOT_FOUND data.removed']);
    expect(fold(assessed(['a'])).refusals).toEqual(['NOT_FOUND subject']);
    expect(fold(logged({}), ['TraceDeleted', {}], assessed(['a'])).refusals).toEqual(['NOT_FOUND subject']);
    const many = Array.from({ length: limits.assessmentsPerTraceMax + 1 }, (_, i) => `a${i}`);
    expect(fold(logged({}), assessed(many)).refusals).toEqual(['INVALID_ARGUMENT data.assessments']);
  });

  it('is linked to runs before or after it is logged, to each once', () => {
    const linked: Said = ['TraceLinked', { runs: ['r', 's', 'r'] }];
    expect(fold(linked, logged({}), linked).state).toMatchObject({ runs: ['r', 's'], logged: true });
    expect(fold(linked).state).toMatchObject({ logged: false });
    const many = Array.from({ length: limits.runsPerTraceMax + 1 }, (_, i) => `r${i}`);
    expect(fold(['TraceLinked', { runs: many }]).refusals).toEqual(['INVALID_ARGUMENT data.runs']);
  });
});

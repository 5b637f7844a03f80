import { describe, expect, it } from 'vitest';
import type { SeriesFragment } from '../generated/questions.js';
import type { FrameSeries } from '../data/frame.js';
import { LineStore } from './line-store.js';

function frame(step: number[], value: FrameSeries['value'], more: Partial<FrameSeries> = {}): FrameSeries {
  return { key: 'loss', rank: 0, attempt: 1, step, value, time: step.map((s) => 1000 + s * 10), ...more };
}

function history(x: number[], value: number[]): SeriesFragment {
  return {
    key: 'loss',
    rank: 0,
    x,
    min: value,
    max: value,
    last: value,
    oddX: [],
    oddValue: [],
  };
}

function shown(store: LineStore): [number[], number[]] {
  const line = store.draw(null, 10_000)[0];
  return [line?.buckets.x ?? [], line?.buckets.last ?? []];
}

describe('LineStore', () => {
  it('gives the same line when a frame comes twice', () => {
    const store = new LineStore('STEP', 0);
    store.upsert(frame([1, 2, 3], [10, 20, 30]));
    store.upsert(frame([1, 2, 3], [10, 20, 30]));
    expect(shown(store)).toEqual([
      [1, 2, 3],
      [10, 20, 30],
    ]);
  });

  it('lets a later frame win at the same step, and puts a late step in its place', () => {
    const store = new LineStore('STEP', 0);
    store.upsert(frame([1, 3, 5], [10, 30, 50]));
    store.upsert(frame([2, 3], [20, 33]));
    expect(shown(store)).toEqual([
      [1, 2, 3, 5],
      [10, 20, 33, 50],
    ]);
  });

  it('draws raw points instead of the buckets they lie in', () => {
    const store = new LineStore('STEP', 0);
    store.setHistory([history([0, 10, 20], [1, 2, 3])]);
    store.upsert(frame([15, 16], [7, 8]));
    expect(shown(store)).toEqual([
      [0, 10, 15, 16],
      [1, 2, 7, 8],
    ]);
  });

  it('keeps NaN and infinities as marks, not as points', () => {
    const store = new LineStore('STEP', 0);
    store.upsert(frame([1, 2, 3, 4], [1, 'NaN', 'Infinity', null]));
    const [line] = store.draw(null, 100);
    expect(line?.buckets.x).toEqual([1]);
    expect(line?.odd).toEqual([
      { x: 2, value: Number.NaN },
      { x: 3, value: Number.POSITIVE_INFINITY },
    ]);
  });

  it('leaves steps that another attempt has logged to the history, and goes on live beyond them', () => {
    const store = new LineStore('STEP', 0);
    store.setHistory([history([1, 2, 3, 4], [1, 2, 3, 4])]);
    store.upsert(frame([3, 4], [3, 4]));
    store.upsert(frame([3], [33], { attempt: 2 }));
    expect(store.historyStale).toBe(true);
    // nothing that was logged disappears meanwhile
    expect(shown(store)).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    store.setHistory([history([1, 2, 3, 4], [1, 2, 33, 4])]);
    expect(store.historyStale).toBe(false);
    store.upsert(frame([4, 5], [44, 55], { attempt: 2 }));
    expect(store.historyStale).toBe(true);
    expect(shown(store)).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 33, 4, 55],
    ]);
  });

  it('keeps points of the newest attempt when an older one is still heard', () => {
    const store = new LineStore('STEP', 0);
    store.upsert(frame([3], [33], { attempt: 2 }));
    store.setHistory([history([3], [33])]);
    store.upsert(frame([3], [3], { attempt: 1 }));
    expect(store.historyStale).toBe(true);
    expect(shown(store)).toEqual([[3], [33]]);
  });

  it('goes on over time where a later attempt begins', () => {
    const store = new LineStore('TIME', 0);
    store.upsert(frame([3, 4], [3, 4]));
    store.setHistory([history([1030, 1040], [3, 4])]);
    store.upsert(frame([3], [33], { attempt: 2, time: [9000] }));
    expect(shown(store)).toEqual([
      [1030, 1040, 9000],
      [3, 4, 33],
    ]);
  });

  it('stays bounded while points stream in, with exact extremes', () => {
    const store = new LineStore('STEP', 0, 1000, 400);
    const values = Array.from({ length: 50_000 }, (_, s) =>
      s === 12_345 ? 99 : s === 23_456 ? -99 : (s * 7_919) % 89,
    );
    for (let step = 0; step < values.length; step += 50) {
      const steps = Array.from({ length: 50 }, (_, i) => step + i);
      store.upsert(frame(steps, values.slice(step, step + 50)));
    }
    const { x, min, max, last } = store.draw(null, 1_000_000)[0]!.buckets;
    expect(x.length).toBeLessThanOrEqual(1400);
    // each bucket tells of all points from its own x to the next one's, so none is lost and none is told twice
    expect(x[0]).toBe(0);
    for (const [i, from] of x.entries()) {
      const held = values.slice(from, x[i + 1]);
      expect([min[i], max[i], last[i]], `from ${from}`).toEqual([Math.min(...held), Math.max(...held), held.at(-1)]);
    }
    expect([Math.min(...min), Math.max(...max)]).toEqual([-99, 99]);
  });

  it('tells of a gap between the history and the first frame', () => {
    const store = new LineStore('STEP', 0);
    store.setHistory([history([0, 1, 2], [0, 1, 2])]);
    store.upsert(frame([10, 11], [10, 11]));
    expect(store.gap()).toBe(true);
    store.setHistory([history([0, 5, 10], [0, 5, 10])]);
    expect(store.gap()).toBe(false);
  });

  it('places points by time when asked to', () => {
    const relative = new LineStore('RELATIVE', 1000);
    relative.upsert(frame([1, 2], [1, 2]));
    expect(shown(relative)[0]).toEqual([10, 20]);
    const absolute = new LineStore('TIME', 1000);
    absolute.upsert(frame([1, 2], [1, 2]));
    expect(shown(absolute)[0]).toEqual([1010, 1020]);
  });
});

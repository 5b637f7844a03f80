import { expect, it } from 'vitest';
import type { SpanFragment } from '../generated/questions.js';
import { spanMs, spanRows } from './span-tree.js';

const span = (id: string, parentId: string | null, offsetMs = 0, durationMs: number | null = 1): SpanFragment => ({
  ...{ id, parentId, name: id, type: null, status: 'OK', statusMessage: null, offsetMs, durationMs },
  ...{ inputs: null, outputs: null, attributes: [], events: [] },
});
const drawn = (spans: SpanFragment[]): string[] =>
  spanRows(spans).map(({ span: { id }, depth }) => `${' '.repeat(depth)}${id}`);

it('children stand below their parents, in order', () => {
  expect(drawn([span('a', null), span('b', 'a'), span('c', 'a'), span('d', 'b')])).toEqual(['a', ' b', '  d', ' c']);
});

it('every span is drawn once, whatever its parent is', () => {
  expect(drawn([span('a', 'gone'), span('b', 'b'), span('c', 'd'), span('d', 'c')])).toEqual(['a', 'b', 'c', ' d']);
  expect(drawn([])).toEqual([]);
});

it('a trace lasts from the first start to the last end', () => {
  expect(spanMs([span('a', null, 0, 5), span('b', 'a', 4, 3), span('c', 'a', 6, null)])).toBe(7);
});

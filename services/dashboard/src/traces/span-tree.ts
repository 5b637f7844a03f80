import type { SpanFragment } from '../generated/questions.js';

export interface SpanRow {
  span: SpanFragment;
  depth: number;
}

/** Spans below their parents, in order of their starts; one whose parent is not there stands at the root. */
export function spanRows(spans: readonly SpanFragment[]): SpanRow[] {
  const known = new Set(spans.map(({ id }) => id));
  const children = new Map<string, SpanFragment[]>();
  for (const span of spans) {
    const parent = span.parentId !== null && known.has(span.parentId) && span.parentId !== span.id ? span.parentId : '';
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows: SpanRow[] = [];
  const seen = new Set<string>();
  const open = (children.get('') ?? []).toReversed().map((span): SpanRow => ({ span, depth: 0 }));
  for (;;) {
    const next = open.pop();
    if (next === undefined) {
      // what is left names each other as parents
      const lost = spans.find(({ id }) => !seen.has(id));
      if (lost === undefined) return rows;
      open.push({ span: lost, depth: 0 });
      continue;
    }
    if (seen.has(next.span.id)) continue;
    seen.add(next.span.id);
    rows.push(next);
    for (const span of (children.get(next.span.id) ?? []).toReversed()) open.push({ span, depth: next.depth + 1 });
  }
}

/** From the first start to the last end. */
export const spanMs = (spans: readonly SpanFragment[]): number =>
  Math.max(0.001, ...spans.map(({ offsetMs, durationMs }) => offsetMs + (durationMs ?? 0)));

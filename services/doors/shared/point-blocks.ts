import type { PointBlock } from '#libs/domain/event.js';

export interface Point {
  readonly key: string;
  readonly value: number;
  readonly timeMs: number;
  readonly step: number;
}

interface Row {
  readonly step: number;
  readonly timeMs: number;
  readonly keys: string[];
  readonly values: number[];
}

/**
 * Points as the dense blocks of the log. What was logged together has a step and a time in common: such a row is taken whole, and rows
 * of the same keys make one block. A key that comes twice in a row, with another value, begins a new row.
 */
export function toBlocks(metrics: readonly Point[]): readonly PointBlock[] {
  const blocks: { readonly keys: readonly string[]; readonly rows: Row[] }[] = [];
  let last: (typeof blocks)[number] | null = null;
  for (const row of rowsOf(metrics)) {
    let block: (typeof blocks)[number] | undefined = last && sameKeys(last.keys, row.keys) ? last : undefined;
    block ??= blocks.find(({ keys }) => sameKeys(keys, row.keys));
    if (!block) blocks.push((block = { keys: row.keys, rows: [] }));
    block.rows.push(row);
    last = block;
  }
  return blocks.map(({ rows }) => blockOf(rows));
}

function rowsOf(metrics: readonly Point[]): readonly Row[] {
  const rows: Row[] = [];
  let row: Row | null = null;
  let keys = new Set<string>();
  for (const { key, value, timeMs, step } of metrics) {
    if (!row || row.step !== step || row.timeMs !== timeMs || keys.has(key)) {
      rows.push((row = { step, timeMs, keys: [], values: [] }));
      keys = new Set<string>();
    }
    row.keys.push(key);
    row.values.push(value);
    keys.add(key);
  }
  return rows;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function blockOf(rows: readonly Row[]): PointBlock {
  const { keys } = rows[0]!;
  const values = new Float64Array(keys.length * rows.length);
  rows.forEach((row, i) => row.values.forEach((value, k) => (values[k * rows.length + i] = value)));
  return {
    keys,
    steps: Float64Array.from(rows, ({ step }) => step),
    times: Float64Array.from(rows, ({ timeMs }) => timeMs),
    values,
    everyValue: true,
  };
}

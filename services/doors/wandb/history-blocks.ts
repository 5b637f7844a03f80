import type { PointBlock } from '#libs/domain/event.js';
import { limits } from '#libs/domain/limits.js';

/** One line of history or of system metrics: what of it is numbers. */
export interface Row {
  readonly step: number;
  readonly timeMs: number;
  /** The step was counted here, the line says none. */
  readonly counted: boolean;
  readonly keys: readonly string[];
  readonly values: readonly number[];
}

/** Values in one event: with their keys and times they must stay well below the largest record. */
const valuesPerEventMax = 60_000;
const blocksPerEventMax = 500;

interface OpenBlock {
  readonly order: readonly number[];
  readonly counted: boolean;
  readonly rows: { readonly row: Row; readonly at: readonly number[] }[];
}

/**
 * Lines as the dense blocks of the log, cut into events. A client writes the keys of a line in any order: lines with the same keys make
 * one block, whatever the order.
 */
export function eventsOfRows(rows: readonly Row[]): readonly (readonly PointBlock[])[] {
  const ids = new Map<string, number>();
  const names: string[] = [];
  const events: PointBlock[][] = [];
  let blocks = new Map<string, OpenBlock>();
  let size = 0;
  const flush = (): void => {
    if (blocks.size > 0) events.push([...blocks.values()].map((block) => blockOf(block, names)));
    blocks = new Map();
    size = 0;
  };
  for (const row of rows) {
    if (row.keys.length === 0) continue;
    if (size > 0 && size + row.keys.length > valuesPerEventMax) flush();
    const numbers = row.keys.map((key) => {
      let id = ids.get(key);
      if (id === undefined) {
        ids.set(key, (id = names.length));
        names.push(key);
      }
      return id;
    });
    const at = numbers.map((_, index) => index).sort((a, b) => numbers[a]! - numbers[b]!);
    for (let from = 0; from < at.length; from += limits.keysPerBlockMax) {
      const part = at.slice(from, from + limits.keysPerBlockMax);
      const order = part.map((index) => numbers[index]!);
      const name = `${row.counted ? 'c' : ''}${order.join(' ')}`;
      let block = blocks.get(name);
      if (!block || block.rows.length >= limits.stepsPerBlockMax) {
        if (blocks.size >= blocksPerEventMax || block) flush();
        blocks.set(name, (block = { order, counted: row.counted, rows: [] }));
      }
      block.rows.push({ row, at: part });
    }
    size += row.keys.length + 2;
  }
  flush();
  return events;
}

function blockOf({ order, counted, rows }: OpenBlock, names: readonly string[]): PointBlock {
  const values = new Float64Array(order.length * rows.length);
  rows.forEach(({ row, at }, i) => at.forEach((index, k) => (values[k * rows.length + i] = row.values[index]!)));
  return {
    keys: order.map((id) => names[id]!),
    steps: Float64Array.from(rows, ({ row }) => row.step),
    times: Float64Array.from(rows, ({ row }) => row.timeMs),
    values,
    everyValue: false,
    counted,
  };
}

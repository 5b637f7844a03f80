import { writeExactJson } from '#libs/domain/exact-json.js';
import { breather } from '../http/breathe.js';
import { Column } from './column.js';

const itemsAtOnce = 5_000;
/** Answers are objects and lists in each other down to columns of numbers; what lies deeper is small. */
const levels = 8;

type Pause = ReturnType<typeof breather>;
/** What stands for a column in the answer. */
export type WriteColumn = (column: Column, pause: Pause) => string | Promise<string>;

/** JSON of an answer, in pieces: megabytes of numbers take long, and others are served meanwhile. */
export async function stringify(value: unknown, writeColumn: WriteColumn = columnTexts()): Promise<string> {
  const pause = breather();
  const parts: string[] = [];
  const write = async (item: unknown, left: number): Promise<void> => {
    const wait = pause();
    if (wait) await wait;
    if (item instanceof Column) {
      parts.push(await writeColumn(item, pause));
    } else if (left === 0 || typeof item !== 'object' || item === null || 'toJSON' in item) {
      parts.push(writeExactJson(item) ?? 'null');
    } else if (Array.isArray(item)) {
      if (typeof item[0] !== 'object' || item[0] === null) return void parts.push(await writeList(item, pause));
      parts.push('[');
      for (const [index, each] of item.entries()) {
        if (index > 0) parts.push(',');
        await write(each, left - 1);
      }
      parts.push(']');
    } else {
      let first = true;
      parts.push('{');
      for (const [key, each] of Object.entries(item)) {
        if (each === undefined) continue;
        parts.push(`${first ? '' : ','}${JSON.stringify(key)}:`);
        first = false;
        await write(each, left - 1);
      }
      parts.push('}');
    }
  };
  await write(value, levels);
  return parts.join('');
}

async function writeList(items: readonly unknown[], pause: Pause): Promise<string> {
  const parts: string[] = [];
  for (let at = 0; at < items.length; at += itemsAtOnce) {
    parts.push(JSON.stringify(items.slice(at, at + itemsAtOnce)).slice(1, -1));
    await pause();
  }
  return `[${parts.join(',')}]`;
}

/** Columns that are the same numbers are written once: where each bucket is one point, its extremes are. */
function columnTexts(): WriteColumn {
  const written = new Map<Column['values'], string>();
  return async (column, pause) => {
    const text = written.get(column.values) ?? (await writeList(column.toJSON(), pause));
    written.set(column.values, text);
    return text;
  };
}

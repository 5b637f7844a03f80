import { randomBytes } from 'node:crypto';
import { stringify } from './stringify.js';

/** Asked for by the `accept` header: an answer whose columns are binary (docs/protocol.md). */
export const columnsType = 'application/vnd.runstream.columns';

export const asksForColumns = (accept: string | string[] | undefined): boolean =>
  [accept ?? []].flat().some((each) => each.includes(columnsType));

/**
 * The length of the JSON as a uint32, the JSON, zeros up to a multiple of 8, and the columns as float64, all of it little-endian. The JSON is
 * `[mark, answer]`, where `{mark: [at, length]}` stands for a column: counted in numbers from the first one. The mark is another one in each
 * answer, so that nothing that people have logged looks like it.
 */
export async function writeColumns(answer: unknown): Promise<Buffer> {
  const mark = `column ${randomBytes(8).toString('hex')}`;
  const columns = new Map<ArrayLike<number>, number>();
  let numbers = 0;
  const text = await stringify(answer, ({ values }) => {
    let at = columns.get(values);
    if (at === undefined) {
      at = numbers;
      columns.set(values, at);
      numbers += values.length;
    }
    return `{"${mark}":[${at},${values.length}]}`;
  });
  const json = Buffer.from(`["${mark}",${text}]`);
  const start = Math.ceil((4 + json.length) / 8) * 8;
  const out = Buffer.alloc(start + numbers * 8);
  out.writeUInt32LE(json.length);
  json.copy(out, 4);
  const area = new Float64Array(numbers);
  for (const [values, at] of columns) area.set(values, at);
  out.set(new Uint8Array(area.buffer), start);
  return out;
}

/** Asked for by `accept`: an answer of GraphQL whose columns are binary (docs/protocol.md, "Answers in columns"). */
export const columnsType = 'application/vnd.runstream.columns';

/** The answer, its columns as Float64Array. Throws a RangeError or SyntaxError where the bytes are no such answer. */
export function readColumns(body: Uint8Array): unknown {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const length = view.getUint32(0, true);
  const start = Math.ceil((4 + length) / 8) * 8;
  // a copy, which begins where float64 may; slice() of a Buffer is none
  const numbers = new Float64Array(new Uint8Array(body.subarray(start)).buffer);
  const [mark, answer] = JSON.parse(new TextDecoder().decode(body.subarray(4, 4 + length))) as [string, unknown];
  const fill = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(fill);
    if (!Object.hasOwn(value, mark))
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each)]));
    const [at, count] = (value as Record<string, [number, number]>)[mark]!;
    return numbers.subarray(at, at + count);
  };
  return fill(answer);
}

import { expect, it } from 'vitest';
import { readColumns } from './columns.js';

/** As docs/protocol.md lays it out. */
function laidOut(json: string, numbers: readonly number[]): ArrayBuffer {
  const text = new TextEncoder().encode(json);
  const start = Math.ceil((4 + text.length) / 8) * 8;
  const bytes = new Uint8Array(start + numbers.length * 8);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  bytes.set(new Uint8Array(Float64Array.from(numbers).buffer), start);
  return bytes.buffer;
}

it('puts columns in their places, whatever text stands beside them', () => {
  const json = '["m",{"data":{"run":{"notes":"ä {\\"m\\":[0,1]}","series":[{"x":{"m":[0,2]},"min":{"m":[2,3]}},{"x":{"m":[0,2]}}]}}}]';
  const answer = readColumns(laidOut(json, [1, 2.5, Number.NaN, -Infinity, 4]));
  expect(answer).toEqual({
    data: { run: { notes: 'ä {"m":[0,1]}', series: [{ x: [1, 2.5], min: [Number.NaN, -Infinity, 4] }, { x: [1, 2.5] }] } },
  });
});

it('reads an answer without a column', () => {
  expect(readColumns(laidOut('["m",{"errors":[{"message":"no"}]}]', []))).toEqual({ errors: [{ message: 'no' }] });
});

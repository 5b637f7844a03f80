import { expect, it } from 'vitest';
import { withoutAborted, type TransactionalMessage } from './kafka-aborted.js';

const message = (offset: number, producerId: string, kind: 'in' | 'out' | 'mark'): TransactionalMessage => ({
  offset: String(offset),
  key: null,
  isControlRecord: kind === 'mark',
  batchContext: { producerId, inTransaction: kind === 'in' },
});
const offsets = (messages: readonly TransactionalMessage[]): number[] => messages.map(({ offset }) => Number(offset));

it('leaves out aborted records of producers that write side by side, in whatever order the broker lists them', () => {
  const messages = [
    message(5, 'a', 'in'),
    message(6, 'b', 'in'),
    message(7, 'c', 'in'),
    message(8, 'a', 'out'),
    message(9, 'a', 'mark'),
    message(10, 'a', 'in'),
    message(11, 'b', 'mark'),
    message(12, 'b', 'in'),
  ];
  const aborted = [
    { producerId: 'b', firstOffset: '6' },
    { producerId: 'a', firstOffset: '2' },
  ];
  expect(offsets(withoutAborted(messages, aborted))).toEqual([7, 8, 10, 12]);
  expect(offsets(withoutAborted(messages, []))).toEqual([5, 6, 7, 8, 10, 12]);
});

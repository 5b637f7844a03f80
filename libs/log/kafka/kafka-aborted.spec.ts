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

it('keeps what a producer committed before the transaction that it aborted, and between two of them', () => {
  const messages = [
    message(1, 'a', 'in'),
    message(2, 'a', 'mark'),
    message(3, 'a', 'in'),
    message(4, 'a', 'mark'),
    message(5, 'a', 'in'),
    message(6, 'a', 'mark'),
    message(7, 'a', 'in'),
    message(8, 'a', 'mark'),
  ];
  const aborted = [
    { producerId: 'a', firstOffset: '3' },
    { producerId: 'a', firstOffset: '7' },
  ];
  expect(offsets(withoutAborted(messages, aborted))).toEqual([1, 5]);
});

it('keeps records of which the broker says nothing about transactions', () => {
  const old: TransactionalMessage = { offset: '5', key: null };
  expect(withoutAborted([old], [{ producerId: 'a', firstOffset: '2' }])).toEqual([old]);
});

import { describe, expect, it } from 'vitest';
import type { StoredRecord } from './event-log.js';
import { growthOf } from './heap-growth.js';
import { sizeOfRecord, TailCache, type PartitionTail } from './tail-cache.js';

/** A block as the log adds it: with what a record costs beside its bytes it takes 1,000 for each. */
const recordBytes = 1_000;
const blockOf = (from: number, count: number): StoredRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    topic: 'runs',
    partition: 0,
    key: 'k',
    headers: {},
    value: new Uint8Array(400),
    offset: from + i,
    appendedAt: 1,
  }));
const push = (tail: PartitionTail, from: number, count: number): void => tail.push(blockOf(from, count), count * 400);
const offsets = (records: readonly StoredRecord[] | null): number[] | null => records?.map(({ offset }) => offset) ?? null; // prettier-ignore

describe('the newest records in memory', () => {
  it('are given from an offset on, over all blocks, the same objects to everybody', () => {
    const tail = new TailCache(100 * recordBytes).partition();
    expect([tail.slice(0, 1e9), tail.has(0)]).toEqual([null, false]);
    push(tail, 5, 3);
    push(tail, 8, 1);
    push(tail, 9, 2);
    expect(offsets(tail.slice(5, 1e9))).toEqual([5, 6, 7, 8, 9, 10]);
    expect(offsets(tail.slice(7, 1e9))).toEqual([7, 8, 9, 10]);
    expect(offsets(tail.slice(8, 1e9))).toEqual([8, 9, 10]);
    expect(offsets(tail.slice(10, 1e9))).toEqual([10]);
    expect(tail.slice(7, 1e9)![0]).toBe(tail.slice(5, 1e9)![2]);
    // not yet here, and no longer
    expect([tail.slice(11, 1e9), tail.slice(4, 1e9)]).toEqual([null, null]);
    expect([tail.has(4), tail.has(5), tail.has(11)]).toEqual([false, true, true]);
  });

  it('are given up to so many bytes, and at least one', () => {
    const tail = new TailCache(100 * recordBytes).partition();
    push(tail, 0, 2);
    push(tail, 2, 3);
    const size = sizeOfRecord(blockOf(0, 1)[0]!);
    expect(size).toBe(528);
    expect(offsets(tail.slice(0, 3 * size))).toEqual([0, 1, 2]);
    expect(offsets(tail.slice(0, 3 * size - 1))).toEqual([0, 1]);
    expect(offsets(tail.slice(1, 1))).toEqual([1]);
  });

  it('take so many bytes over all partitions, and the oldest block leaves first', () => {
    const cache = new TailCache(6 * recordBytes);
    const [a, b] = [cache.partition(), cache.partition()];
    push(a, 0, 2);
    push(b, 0, 2);
    push(a, 2, 2);
    expect([offsets(a.slice(0, 1e9)), offsets(b.slice(0, 1e9))]).toEqual([[0, 1, 2, 3], [0, 1]]); // prettier-ignore
    push(b, 2, 1);
    expect([a.slice(1, 1e9), offsets(a.slice(2, 1e9)), a.has(1), a.has(2)]).toEqual([null, [2, 3], false, true]);
    expect(offsets(b.slice(0, 1e9))).toEqual([0, 1, 2]);
    push(b, 3, 3);
    expect([b.slice(1, 1e9), offsets(b.slice(2, 1e9)), offsets(a.slice(2, 1e9))]).toEqual([null, [2, 3, 4, 5], [2, 3]]);
    // a block that is too large for all of them leaves nothing behind, nor stays
    push(a, 4, 7);
    expect([a.slice(4, 1e9), a.has(4), b.slice(3, 1e9)]).toEqual([null, false, null]);
    push(a, 11, 1);
    expect(offsets(a.slice(11, 1e9))).toEqual([11]);
  });

  it('are right however many blocks have come and gone', () => {
    const cache = new TailCache(10 * recordBytes);
    const [many, few] = [cache.partition(), cache.partition()];
    for (let block = 0; block < 5_000; block++) {
      push(many, block * 2, 2);
      if (block % 100 === 99) push(few, Math.floor(block / 100), 1);
      const kept = offsets(many.slice(block * 2, 1e9));
      if (block % 7 === 0) expect(kept).toEqual([block * 2, block * 2 + 1]);
    }
    expect([many.has(9_991), many.has(9_992)]).toEqual([false, true]);
    expect(offsets(many.slice(9_992, 1e9))).toHaveLength(8);
    expect([many.slice(9_991, 1e9), offsets(few.slice(49, 1e9))]).toEqual([null, [49]]);
  });

  it('leave nothing behind, however many blocks have come and gone', async () => {
    const tail = new TailCache(5 * recordBytes).partition();
    const records = blockOf(0, 1);
    const grown = await growthOf(500_000, () => tail.push(records, 400));
    expect(grown).toBeLessThan(2_000_000);
  });

  it('are out of memory at once when they leave', async () => {
    const tail = new TailCache(10 * recordBytes).partition();
    const large = (time: number): void =>
      tail.push([Object.assign(blockOf(time, 1)[0]!, { ballast: Array<number>(50_000).fill(time) })], 400);
    // as many as at the start are kept, of 40 more
    expect(await growthOf(50, large, 10)).toBeLessThan(3_000_000);
  });
});

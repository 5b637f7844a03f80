import { expect, it } from 'vitest';
import { missingParts, readParts, writeParts, type Part } from './parts-record.js';

const part = (name: string, hash = 'h', table = 't'): Part => {
  const [partition = '', min, max, level, mutation] = name.split('_');
  return {
    table,
    partition,
    min: Number(min),
    max: Number(max),
    level: Number(level),
    mutated: mutation !== undefined,
    hash,
  };
};

it('takes merged parts for those they were made of', () => {
  expect(missingParts([part('all_1_1_0'), part('all_2_4_1')], [part('all_1_5_2', 'other')])).toEqual([]);
});

it('misses a part that nothing covers, in its own table and partition', () => {
  const now = [part('all_1_3_1'), part('all_4_4_0', 'h', 'other'), part('p_4_4_0')];
  expect(missingParts([part('all_1_3_1'), part('all_4_4_0')], now)).toEqual(['t.all_4_4_0 is gone']);
  expect(missingParts([part('all_1_3_1')], [part('all_2_3_1')])).toEqual(['t.all_1_3_1 is gone']);
});

it('tells a part from another of the same name, and from one that somebody has changed', () => {
  expect(missingParts([part('all_1_1_0', 'a')], [part('all_1_1_0', 'b')])).toEqual(['t.all_1_1_0 is another one']);
  expect(missingParts([part('all_1_1_0')], [part('all_1_1_0_7', 'b')])).toEqual([
    't.all_1_1_0 was changed by an ALTER',
  ]);
});

it('keeps a record as text', () => {
  const parts = [part('all_1_1_0'), part('202601_2_9_3', 'ff')];
  expect(readParts(writeParts(parts))).toEqual(parts);
});

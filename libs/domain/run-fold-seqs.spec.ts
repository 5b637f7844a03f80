import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addSeq, gapsOf, hasSeq, maxSeq, noSeqs } from './run-fold-seqs.js';

const seqs = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 });

it('depends on the set of numbers, not on their order or repetition', () => {
  fc.assert(
    fc.property(seqs, fc.infiniteStream(fc.nat()), (numbers, keys) => {
      const shuffled = [...numbers, ...numbers]
        .map((seq) => ({ seq, key: keys.next().value as number }))
        .sort((a, b) => a.key - b.key);
      expect(shuffled.map(({ seq }) => seq).reduce(addSeq, noSeqs)).toEqual([...numbers].reduce(addSeq, noSeqs));
    }),
  );
});

it('knows exactly what was seen and what is missing below the highest', () => {
  fc.assert(
    fc.property(seqs, (numbers) => {
      const seen = numbers.reduce(addSeq, noSeqs);
      const set = new Set(numbers);
      const missing = new Set(
        gapsOf(seen).flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
      );
      expect(maxSeq(seen)).toBe(Math.max(0, ...numbers));
      for (let seq = 1; seq <= 41; seq++) {
        expect(hasSeq(seen, seq)).toBe(set.has(seq));
        expect(missing.has(seq)).toBe(!set.has(seq) && seq < maxSeq(seen));
      }
    }),
  );
});

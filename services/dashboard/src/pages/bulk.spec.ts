import { describe, expect, it } from 'vitest';
import { inTurns } from './bulk.js';

describe('many commands', () => {
  it('are sent a few at a time, each run once, and tell which of them were refused and why', async () => {
    let open = 0;
    let most = 0;
    const progress: number[] = [];
    const ids = Array.from({ length: 20 }, (_, i) => `r${i}`);
    const { done, refused } = await inTurns(
      ids,
      async (id) => {
        most = Math.max(most, ++open);
        await Promise.resolve();
        open--;
        return id === 'r7' ? 'r7 is not there' : null;
      },
      (count) => progress.push(count),
      4,
    );
    expect(most).toBe(4);
    expect([...done, 'r7'].sort()).toEqual([...ids].sort());
    expect(refused).toEqual([{ id: 'r7', why: 'r7 is not there' }]);
    expect(progress).toEqual(ids.map((_, i) => i + 1));
  });
});

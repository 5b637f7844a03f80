import { describe, expect, it } from 'vitest';
import { bodiesBytesMax, BodyBudget } from './body-budget.js';

const mebibyte = 1024 * 1024;
const refused: unknown = expect.objectContaining({ name: 'Rejection', code: 'LIMIT_EXCEEDED' });
/** Leases that hold so many bytes each, taken in pieces as bodies come. */
const held = (budget: BodyBudget, count: number, bytes: number) =>
  Array.from({ length: count }, () => {
    const lease = budget.lease();
    for (let left = bytes; left > 0; left -= mebibyte) lease.take(Math.min(left, mebibyte));
    return lease;
  });

describe('the memory of all bodies together', () => {
  it('is bounded to the byte, for small bodies too', () => {
    const budget = new BodyBudget();
    held(budget, bodiesBytesMax / mebibyte, mebibyte);
    expect(() => budget.lease().take(1)).toThrow(refused as Error);
  });

  it('is left to others for a quarter, to the byte, however many large bodies there are', () => {
    const budget = new BodyBudget();
    // of each, what is above a mebibyte counts as large
    held(budget, 6, 33 * mebibyte);
    const seventh = budget.lease();
    seventh.take(mebibyte);
    expect(() => seventh.take(1)).toThrow(refused as Error);
    expect(() => budget.lease().take(mebibyte + 1)).toThrow(refused as Error);
    held(budget, 57, mebibyte);
    expect(() => budget.lease().take(1)).toThrow(refused as Error);
  });

  it('comes back with each body, once, and a refused take has taken nothing', () => {
    const budget = new BodyBudget();
    for (let round = 0; round < 3; round++) {
      const leases = held(budget, 6, 33 * mebibyte);
      const late = budget.lease();
      expect(() => late.take(40 * mebibyte)).toThrow(refused as Error);
      for (const lease of [...leases, late]) {
        lease.release();
        lease.release();
      }
    }
    held(budget, bodiesBytesMax / mebibyte, mebibyte);
    expect(() => budget.lease().take(1)).toThrow(refused as Error);
  });
});

import { randomInt } from 'node:crypto';
import { it } from 'vitest';
import { fuzz } from './fuzz.js';

// another seed each time: it is printed, and fuzz.spec.ts can be given it
it('50,000 requests of nonsense leave the server and its neighbours as they were', () =>
  fuzz(50_000, randomInt(2 ** 31)));

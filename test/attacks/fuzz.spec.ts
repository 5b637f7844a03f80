import { it } from 'vitest';
import { fuzz } from './fuzz.js';

it('2,000 requests of nonsense to every door and socket leave the server and its neighbours as they were', () =>
  fuzz(2_000, 20_261));

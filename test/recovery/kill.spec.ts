import { it } from 'vitest';
import { killRounds } from './kill-rounds.js';

it('loses and invents nothing when the server is killed at random moments under load', () =>
  killRounds({ rounds: 5, victim: 'server', writers: 4, seed: 1 }));
it('loses and invents nothing when the metric engine alone is killed under load', () =>
  killRounds({ rounds: 5, victim: 'engine', writers: 4, seed: 2 }));

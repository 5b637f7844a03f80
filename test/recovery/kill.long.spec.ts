import { it } from 'vitest';
import { killRounds } from './kill-rounds.js';

it('survives 100 kills of the server under load', () =>
  killRounds({ rounds: 100, victim: 'server', writers: 8, seed: 11 }));
it('survives 100 kills of the metric engine under load', () =>
  killRounds({ rounds: 100, victim: 'engine', writers: 8, seed: 12 }));

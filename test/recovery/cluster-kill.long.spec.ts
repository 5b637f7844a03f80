import { it } from 'vitest';
import { clusterKillRounds, victims } from './cluster-kill-rounds.js';
import { seededRandom } from './load.js';

it('survives 100 random kills of broker, processes, engine and database under load', () => {
  const random = seededRandom(21);
  const rounds = Array.from({ length: 100 }, () => victims[Math.floor(random() * victims.length)]!);
  return clusterKillRounds({ rounds, writers: 6, seed: 22 });
});

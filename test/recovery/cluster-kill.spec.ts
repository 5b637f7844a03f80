import { describe, it } from 'vitest';
import { kafkaMissing } from '../rigs/kafka-rig.js';
import { postgresMissing } from '../rigs/postgres-rig.js';
import { clusterKillRounds, victims } from './cluster-kill-rounds.js';

describe.skipIf(kafkaMissing() ?? postgresMissing())('a cluster', () => {
  it('loses and invents nothing when each of its parts is killed, and one stalls and comes back, under load', () =>
    clusterKillRounds({ rounds: [...victims, 'projector', 'broker'], writers: 4, seed: 5 }));
});

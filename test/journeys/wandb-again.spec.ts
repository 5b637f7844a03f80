import { expect, it } from 'vitest';
import { gql } from '../rigs/client.js';
import { openServerRig } from '../rigs/server-rig.js';
import { openWandbRig, wandbInstalled } from '../rigs/wandb-rig.js';

it.skipIf(!wandbInstalled)(
  'a W&B run resumes, begins again, rewinds, forks, is synced twice and shared between ranks (skipped where the client is not installed)',
  async () => {
    const rig = await openServerRig();
    const wandb = openWandbRig(rig.server.url);
    try {
      const said = await wandb.script<any>(['again.py']);
      const rows = (...values: number[]): number[][] => values.map((value, step) => [step, value]);
      expect(said.resumed).toEqual(rows(0, 1, 2, 30, 40));
      expect(said.never).toContain('already exists');
      expect(said.must).toContain('does not exist');
      expect(said.rewound).toEqual(rows(0, 1, 20));
      expect([said.forked, said.config]).toEqual([rows(0, 1, 70, 80), { a: 1 }]);
      expect(said.begun).toEqual(rows(5, 6));
      expect(said.synced).toEqual([rows(0, 1, 2, 3, 4), rows(0, 1, 2, 3, 4)]);
      expect(said.ranks).toEqual([0, 0]);
      const { run, fork } = await gql(
        rig.server.url,
        `{ run(id: "again.r") { attempts { number } } fork: run(id: "again.f") { forkOf { run step } } }`,
      );
      expect([run.attempts.length, fork.forkOf]).toEqual([4, { run: 'again.r', step: 1 }]);
      const query =
        "SELECT rank, count(), max(value) FROM points WHERE run = 'again.shared' AND key = 'loss' GROUP BY rank ORDER BY rank FORMAT TSV";
      const counts = async (): Promise<readonly number[]> => {
        const answer = await fetch(`${rig.server.url}/clickhouse`, { method: 'POST', body: query });
        return (await answer.text())
          .trim()
          .split('\n')
          .map((row) => Number(row.split('\t')[1]));
      };
      // telemetry may be on its way for a second
      await expect.poll(counts).toEqual([10, 10]);
    } finally {
      wandb.close();
      await rig.close();
    }
  },
);

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openEmbeddedServer } from '../rigs/embedded-rig.js';
import { openWandbRig, wandbInstalled } from '../rigs/wandb-rig.js';

const rounds = 5;
const stepCount = 3_000;

it.skipIf(!wandbInstalled)(
  `a W&B client's stream lives through ${rounds} kill -9 of the server, every step is there once, and every checkpoint has its number (skipped where it is not installed)`,
  async () => {
    const rig = await openEmbeddedServer();
    const port = new URL(rig.server.url).port;
    const wandb = openWandbRig(rig.server.url);
    const sql = async (query: string): Promise<string> => {
      const answer = await fetch(`${rig.server.url}/clickhouse`, { method: 'POST', body: `${query} FORMAT TSV` });
      return (await answer.text()).trim();
    };
    try {
      const steps = wandb.run(['steps.py', 'k', String(stepCount)], { WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL: '1' });
      // a client that has not begun yet gives up after a while: each round waits for what has come since the last one
      const points = async (): Promise<number> =>
        Number(await sql("SELECT count() FROM points WHERE run = 'kill.k' AND key = 'loss'"));
      let seen = 0;
      for (let round = 0; round < rounds; round++) {
        await expect.poll(async () => (await points()) >= Math.min(seen + 1, stepCount)).toBe(true);
        await sleep(1_000);
        seen = await points();
        await rig.server.kill('SIGKILL');
        await rig.start({ RUNSTREAM_PORT: port });
      }
      const { code, output } = await steps;
      expect([code, code === 0 ? '' : output]).toEqual([0, '']);
      const all = `${stepCount}\t${stepCount}\t${((stepCount - 1) * stepCount) / 2}`;
      await expect
        .poll(() =>
          sql("SELECT count(), uniqExact(step), sum(value) FROM points WHERE run = 'kill.k' AND key = 'loss'"),
        )
        .toBe(all);
      expect(await sql("SELECT uniqExact(number), max(number) FROM lines WHERE run = 'kill.k'")).toBe(
        `${stepCount}\t${stepCount}`,
      );
      const saved = Array.from({ length: stepCount / 100 }, (_, i) => [`v${i}`, 100 * i, i === 29 ? ['latest'] : []]);
      const cache = { WANDB_CACHE_DIR: `${rig.dir}/other-cache` };
      expect(await wandb.script(['checkpoints.py', `${rig.dir}/read`], cache)).toEqual(saved.toReversed());
    } finally {
      wandb.close();
      await rig.close();
    }
  },
);

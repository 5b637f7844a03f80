import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openEmbeddedServer } from '../rigs/embedded-rig.js';
import { openWandbRig, wandbInstalled } from '../rigs/wandb-rig.js';

const rounds = 5;
const stepCount = 3_000;

it.skipIf(!wandbInstalled)(
  `a W&B client's stream lives through ${rounds} kill -9 of the server, and every step is there once (skipped where it is not installed)`,
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
      for (let round = 0; round < rounds; round++) {
        await sleep(4_000);
        await rig.server.kill('SIGKILL');
        await rig.start({ RUNSTREAM_PORT: port });
      }
      expect(await steps).toMatchObject({ code: 0 });
      const all = `${stepCount}\t${stepCount}\t${((stepCount - 1) * stepCount) / 2}`;
      await expect
        .poll(() =>
          sql("SELECT count(), uniqExact(step), sum(value) FROM points WHERE run = 'kill.k' AND key = 'loss'"),
        )
        .toBe(all);
      expect(await sql("SELECT uniqExact(number), max(number) FROM lines WHERE run = 'kill.k'")).toBe(
        `${stepCount}\t${stepCount}`,
      );
    } finally {
      wandb.close();
      await rig.close();
    }
  },
);

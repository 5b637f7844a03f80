import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openEmbeddedServer } from '../rigs/embedded-rig.js';
import { runSageMaker, sagemakerInstalled } from '../rigs/sagemaker-rig.js';

const rounds = 30;
interface Told {
  /** How many were acknowledged. */
  readonly points: number;
  readonly parameters: number;
  readonly object: string;
  readonly wrong: readonly string[];
}

it.skipIf(!sagemakerInstalled)(
  `boto3's retries carry metrics, updates and an upload in parts over ${rounds} kill -9 of the server: what was acknowledged is there once (skipped where it is not installed)`,
  async () => {
    const rig = await openEmbeddedServer();
    const { port } = new URL(rig.server.url);
    const enough = join(mkdtempSync(join(tmpdir(), 'sagemaker-kill-')), 'enough');
    try {
      let ended = false;
      const told = runSageMaker<Told>(rig.server.url, ['under_kills.py', enough]).finally(() => (ended = true));
      told.catch(() => null);
      for (let round = 0; round < rounds && !ended; round++) {
        await sleep(500 + ((round * 397) % 1_500));
        await rig.server.kill('SIGKILL');
        await rig.start({ RUNSTREAM_PORT: port });
      }
      // the program goes on until it finds this file
      writeFileSync(enough, '');
      const { points, parameters, object, wrong } = await told;
      expect(wrong).toEqual([]);
      expect(object).toBe('whole');
      expect([points > 0, parameters > 0]).toEqual([true, true]);
    } finally {
      rmSync(dirname(enough), { recursive: true, force: true });
      await rig.close();
    }
  },
);

import { expect, it } from 'vitest';
import { createMlflowRuns, mlflowInstalled, runScript } from '../rigs/mlflow-rig.js';
import { openServerRig } from '../rigs/server-rig.js';

it.skipIf(!mlflowInstalled)(
  "MLflow's unmodified client logs 10,000 steps of 20 metrics in the background (skipped where it is not installed)",
  async () => {
    const rig = await openServerRig();
    try {
      const { checked } = await runScript<{ checked: number }>(rig.server.url, ['training.py', '10000']);
      expect(checked).toBeGreaterThan(9);
    } finally {
      await rig.close();
    }
  },
  600_000,
);

it.skipIf(!mlflowInstalled)(
  'pages through 2,500 runs as pandas (skipped where the client is not installed)',
  async () => {
    const rig = await openServerRig();
    try {
      await createMlflowRuns(rig.server.url, 2_500);
      expect(await runScript(rig.server.url, ['paging.py', '2500'])).toEqual({ runs: 2_500 });
    } finally {
      await rig.close();
    }
  },
  1_800_000,
);

import { expect, it } from 'vitest';
import { openMlflowServer, mlflowServerInstalled } from '../rigs/mlflow-server-rig.js';
import { openServerRig } from '../rigs/server-rig.js';
import { differences, Player, told } from './mlflow/compare.js';
import { justified } from './mlflow/justified.js';
import { requests } from './mlflow/requests.js';

it.skipIf(!mlflowServerInstalled)(
  `MLflow's own server and ours answer ${requests.length} small requests alike (skipped where it is not installed)`,
  async () => {
    const [mlflow, rig] = await Promise.all([openMlflowServer(), openServerRig()]);
    try {
      const [theirs, ours] = [new Player(mlflow.url), new Player(rig.server.url)];
      const found: string[] = [];
      const used = new Set<string>();
      for (const [index, request] of requests.entries()) {
        const [their, our] = [told(await theirs.play(request)), told(await ours.play(request))];
        const title = `${index} ${request.method} ${request.path} ${JSON.stringify(request.body ?? null).slice(0, 200)}`;
        for (const difference of differences(their, our)) {
          const reason = justified.find(({ at, where }) => at.test(title) && where.test(difference));
          if (reason) used.add(reason.why);
          else found.push(`${title}\n    ${difference}`);
        }
      }
      expect(found.join('\n')).toBe('');
      // what is no longer so is not to be excused
      expect(justified.filter(({ why }) => !used.has(why)).map(({ why }) => why)).toEqual([]);
    } finally {
      await Promise.all([mlflow.close(), rig.close()]);
    }
  },
  1_800_000,
);

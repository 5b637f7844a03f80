import { defineConfig } from 'vitest/config';
import base, { clusterLong } from './vitest.config.js';

const exclude = ['**/node_modules/**', '**/dist/**'];
const { projects: _, ...shared } = base.test ?? {};

/** What takes longer than a commit should: long kill -9 runs, large data. */
export default defineConfig({
  ...base,
  test: {
    ...shared,
    testTimeout: 3_600_000,
    projects: [
      { extends: true, test: { name: 'embedded', include: ['test/**/*.long.spec.ts'], exclude } },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/journeys/*.long.spec.ts', ...clusterLong],
          // what a door answers does not depend on the engines
          exclude: [...exclude, 'test/journeys/mlflow-differential.long.spec.ts'],
          env: { RUNSTREAM_TEST_DEPLOYMENT: 'cluster' },
        },
      },
    ],
  },
});

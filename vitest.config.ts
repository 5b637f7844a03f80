import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/dist/**', 'test/**/*.long.spec.ts'];

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    globalSetup: ['test/rigs/engine-host.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'embedded',
          include: ['libs/**/*.spec.ts', 'services/**/*.spec.ts', 'test/**/*.spec.ts'],
          exclude,
        },
      },
      {
        // the same journeys over separate processes and real engines
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/journeys/**/*.spec.ts'],
          // what a door refuses does not depend on the engines
          exclude: [...exclude, 'test/journeys/mlflow-bad-input.spec.ts'],
          env: { RUNSTREAM_TEST_DEPLOYMENT: 'cluster' },
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/dist/**', 'test/**/*.long.spec.ts'];

/** On a cluster in the long run only: mlflow.spec.ts, wandb.spec.ts and demo.spec.ts play the clients and the page there in every run. */
export const clusterLong = [
  'mlflow-nouns',
  'mlflow-large-files',
  'mlflow-other-files',
  'wandb-again',
  'page',
  'bad-input',
].map((name) => `test/journeys/${name}.spec.ts`);

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // no test is about a time: these only end what hangs, on the slowest machine too
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 180_000, interval: 100 } },
    // one copy of graphql for us and for them: it knows its own objects only
    server: { deps: { inline: [/[\\/](graphql|graphql-ws|@graphql-tools)[\\/]/] } },
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
          // what an API refuses does not depend on the engines
          exclude: [
            ...exclude,
            'test/journeys/{mlflow-bad-input,mlflow-odd-traces,wandb-bad-input,sdk-packages}.spec.ts',
            ...clusterLong,
          ],
          env: { RUNSTREAM_TEST_DEPLOYMENT: 'cluster' },
        },
      },
    ],
  },
});

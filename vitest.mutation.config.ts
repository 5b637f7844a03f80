import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import base from './vitest.config.js';

/** A break that a quick spec sees need not be shown to those that crash a log at each of its operations; Vitest begins with the longest. */
class QuickestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const slow = ({ moduleId }: TestSpecification): number => Number(/\.(crash|damage)\.spec\.ts$/.test(moduleId));
    return Promise.resolve(files.toSorted((a, b) => slow(a) - slow(b)));
  }
}

/**
 * What `npm run test:mutation` runs for each break: the specs that are quick, and need no engine and no process of their own
 * (a break is switched on in the process of the spec alone).
 */
export default defineConfig({
  ...base,
  test: {
    ...(base.test?.server && { server: base.test.server }),
    pool: 'forks',
    sequence: { sequencer: QuickestFirst },
    // a break that makes a test hang has been seen
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 5_000, interval: 20 } },
    include: ['**/*.spec.ts'],
    // read from the folder whose specs run: they name files, not the folders they lie in
    exclude: [
      '**/node_modules/**',
      '**/dist/**',
      '**/test/**',
      '**/dashboard/**',
      '**/cli/**',
      '**/{kafka-event-log,kafka-stall,minio-artifact-store,segment-event-log.process}.spec.ts',
      '**/{apply-telemetry,postgres-*,run-projection*,run-schema,search-runs,seq-ledger-rows}.spec.ts',
    ],
  },
});

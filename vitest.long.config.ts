import { defineConfig } from 'vitest/config';
import base from './vitest.config.js';

/** What takes longer than a commit should: long kill -9 runs, large data. */
const { projects: _, ...shared } = base.test ?? {};

export default defineConfig({
  ...base,
  test: {
    ...shared,
    include: ['test/**/*.long.spec.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 3_600_000,
  },
});

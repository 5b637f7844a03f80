import { defineConfig } from 'vitest/config';
import base from './vitest.mutation.config.js';

/**
 * The first round of `npm run test:mutation`: specs of one module each, all in one process. What they miss is shown to all the others, and
 * to these again, each in its own (vitest.mutation.config.ts).
 */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    isolate: false,
    testTimeout: 8_000,
    hookTimeout: 8_000,
    exclude: [...(base.test?.exclude ?? []), '**/*.{crash,damage}.spec.ts', '**/segment-event-log.spec.ts'],
  },
});

import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.js';

const long = mergeConfig(base, defineConfig({ test: { testTimeout: 3_600_000 } }));
export default { ...long, test: { ...long.test, include: ['test/**/*.long.spec.ts'], exclude: ['**/node_modules/**', '**/dist/**'] } };

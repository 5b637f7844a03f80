// All static checks, the same for people and CI: types, lint, arrows, dead code, format. Every one runs; the exit code tells.
import { spawnSync } from 'node:child_process';

const checks = [
  ['types', 'tsc', ['-p', 'tsconfig.json', '--noEmit']],
  ['types of the dashboard', 'tsc', ['-p', 'services/dashboard/tsconfig.json', '--noEmit']],
  ['lint', 'eslint', ['.', '--max-warnings', '0', '--cache', '--cache-location', 'node_modules/.cache/eslint/']],
  ['arrows', 'depcruise', ['libs', 'services', '--config', '.dependency-cruiser.mjs', '--output-type', 'err']],
  ['dead code', 'knip', ['--no-progress']],
  ['format', 'prettier', ['--check', '--log-level', 'warn', '.']],
];
let failed = 0;
for (const [name, command, args] of checks) {
  const started = Date.now();
  const { status } = spawnSync(`node_modules/.bin/${command}`, args, { stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);

// All static checks, the same for people and CI: types, lint, arrows, dead code, format. Every one runs; the exit code tells.
// What the two schemas say is generated first: a check of yesterday's types would find nothing.
import { spawnSync } from 'node:child_process';

const checks = [
  ['generated code', process.execPath, ['tools/generate.mjs']],
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
  const program = command === process.execPath ? command : `node_modules/.bin/${command}`;
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);

// The reference of the Python SDK from its docstrings, as pages under dist/api/python; that of TypeScript is made by typedoc (`npm run reference`).
// test_docstrings.py fails where something public is not described.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) process.exit(status ?? 1);
}
const venv = 'node_modules/.cache/reference';
const python = join(venv, 'bin', 'python');
if (!existsSync(join(venv, 'bin', 'pdoc'))) {
  run('python3', ['-m', 'venv', venv]);
  run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', 'pdoc==16.0.0']);
}
const modules = [
  'runstream',
  'runstream.frameworks',
  'runstream.start',
  'runstream.run',
  'runstream.appending',
  'runstream.api',
];
run(python, ['-m', 'pdoc', '-o', 'dist/api/python', ...modules], { PYTHONPATH: 'libs/sdk-python' });
console.log('dist/api/python/index.html, dist/api/typescript/index.html');

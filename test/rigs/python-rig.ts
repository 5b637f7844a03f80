import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../../node_modules/.cache/python-kafka', import.meta.url));
const packages = ['confluent-kafka==2.16.1'];

/** A Python with what `runstream[kafka]` needs, made once. Throws what went wrong. */
export function openPython(): string {
  const python = join(cache, 'bin', 'python');
  if (existsSync(join(cache, 'ready'))) return python;
  run('python3', ['-m', 'venv', cache]);
  run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages]);
  mkdirSync(join(cache, 'ready'));
  return python;
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

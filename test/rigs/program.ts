import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * What node is told to run one of our programs. `npm test` runs what it built, as a user does, and each start is seconds of a
 * CPU cheaper; a single spec run by hand sees the sources as they are.
 */
export function program(name: 'services/main' | 'demo/main'): readonly string[] {
  if (process.env['RUNSTREAM_TEST_PROGRAM'] === 'built') return [join(root, 'dist', `${name}.js`)];
  return ['--conditions=source', '--import', 'tsx', join(root, `${name}.ts`)];
}

// Builds dist/ when the package is installed or packed from a clone: with the compiler of the clone where that is installed, else with one
// that npm fetches for this moment. A package from a registry comes built and has no sources.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const compilerVersion = '6.0.3';
const nodeTypesVersion = '20.19.43';
const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

const sources = readdirSync(here).filter((name) => name.endsWith('.ts') || name === 'tsconfig.json');
const built = changedAt(join(here, 'dist/sdk.js'));
if (sources.length > 0 && sources.some((name) => changedAt(join(here, name)) > built)) build();

function build() {
  rmSync(join(here, 'dist'), { recursive: true, force: true });
  let folder = null;
  try {
    let compiler = find(here);
    const types = [];
    if (compiler === null) {
      folder = mkdtempSync(join(tmpdir(), 'runstream-sdk-build-'));
      const packages = [`typescript@${compilerVersion}`, `@types/node@${nodeTypesVersion}`];
      run('npm', [
        'install',
        '--no-save',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        '--prefix',
        folder,
        ...packages,
      ]);
      compiler = find(folder);
      types.push('--typeRoots', join(folder, 'node_modules/@types'));
    }
    run(process.execPath, [compiler, '-p', join(here, 'tsconfig.json'), '--noCheck', ...types]);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
  if (!existsSync(join(here, 'dist/sdk.js'))) throw new Error('the build gave no dist/sdk.js');
}

function find(from) {
  try {
    const manifest = createRequire(join(from, 'x.js')).resolve('typescript/package.json');
    return join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.tsc);
  } catch {
    return null; // not installed
  }
}

function run(command, words) {
  // what npm set for the installation that runs this must not steer the one inside it
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_config_(prefix|global|local_prefix|workspace)/i.test(name)),
  );
  execFileSync(command, words, {
    cwd: here,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
}

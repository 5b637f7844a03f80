// The whole test suite: static checks, TypeScript specs, the Python SDK's tests. Ends with one line of counts.
// --long: the suites that take too long for every commit. A suite that can't run here is skipped with the reason; with CI=true that fails.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const ci = process.env.CI === 'true';
const long = process.argv.includes('--long');
const out = 'test/output';
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const total = { passed: 0, failed: 0, skipped: 0 };

function run(command, args, options = {}) {
  return spawnSync(command, args, { stdio: 'inherit', ...options }).status ?? 1;
}
function count(name, ok) {
  total[ok ? 'passed' : 'failed'] += 1;
  if (!ok) console.error(`FAILED: ${name}`);
}
function unavailable(name, reason) {
  console.error(`${ci ? 'FAILED' : 'SKIPPED'}: ${name}: ${reason}`);
  total[ci ? 'failed' : 'skipped'] += 1;
}

/** A program of the tests, from Debian's packages where we may install. */
function have(paths, packages) {
  if (paths.some(existsSync)) return true;
  if (!ci || process.getuid?.() !== 0) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  return paths.some(existsSync);
}
const browsers = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

function vitest() {
  const report = join(out, 'vitest.json');
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  if (long) args.push('--config', 'vitest.long.config.ts');
  const status = run('node_modules/.bin/vitest', args);
  if (!existsSync(report)) return count('vitest (it wrote no report)', false);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  total.passed += numPassedTests;
  total.failed += numFailedTests;
  total.skipped += numPendingTests + numTodoTests;
  if (ci && numPendingTests > 0) {
    total.failed += numPendingTests;
    total.skipped -= numPendingTests;
    console.error('FAILED: tests were skipped; with CI=true every engine must be there');
  }
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  for (const file of broken) count(file.name, false);
  if (status !== 0 && total.failed === 0) count('vitest (it ended with an error)', false);
}

// what the SDK's callbacks and mirrors are for, as it is on PyPI; PyTorch is gigabytes, so it is met in the long run
const frameworks = [
  'scikit-learn==1.9.1',
  'xgboost-cpu==3.2.0',
  'lightgbm==4.7.0',
  'optuna==5.0.0',
  'tensorboardX==2.6.5',
];
const heavy = [
  'torch==2.15.0',
  'transformers==5.24.0',
  'accelerate==1.15.0',
  'lightning==2.6.6',
  'keras==3.15.1',
  'wandb==0.31.0',
  'mlflow-skinny==3.17.2',
  'trackio==0.43.0',
  'tensorboard==2.21.0',
];

function pytest() {
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (!python) return unavailable('Python SDK', 'there is no python3');
  const venv = long ? 'node_modules/.cache/python-torch' : 'node_modules/.cache/python-sdk';
  const bin = join(venv, 'bin', 'python');
  if (!existsSync(join(venv, 'ready'))) {
    if (run(python, ['-m', 'venv', venv]) !== 0) return unavailable('Python SDK', 'python -m venv does not work');
    const packages = ['pytest==8.4.2', 'numpy==2.4.6', ...frameworks, ...(long ? heavy : [])];
    if (run(bin, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--no-compile', ...packages]) !== 0)
      return unavailable('Python SDK', 'pytest and the frameworks can not be installed from PyPI');
    mkdirSync(join(venv, 'ready'));
  }
  const { status, stdout } = spawnSync(
    bin,
    ['-m', 'pytest', '-q', `libs/sdk-python/${long ? 'tests_long' : 'tests'}`],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PYTHONPATH: 'libs/sdk-python' },
      maxBuffer: 2 ** 28,
    },
  );
  process.stdout.write(stdout);
  const number = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(stdout.slice(-2_000))?.[1] ?? 0);
  total.passed += number('passed');
  total.failed += number('failed') + number('errors?');
  total.skipped += number('skipped');
  if (status !== 0 && number('failed') + number('errors?') === 0) count('pytest (it ended with an error)', false);
}

/** The real client of MLflow, unmodified; test/journeys/mlflow.spec.ts looks for it there. */
function mlflowClient() {
  const venv = 'node_modules/.cache/mlflow';
  if (existsSync(join(venv, 'ready'))) return;
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
  const packages = ['mlflow-skinny==3.17.2', 'scikit-learn==1.9.1', 'pandas==3.1.1', 'pillow==13.0.0', 'psutil==7.2.2'];
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages, 'matplotlib==3.11.2'];
  if (!python || run(python, ['-m', 'venv', venv]) !== 0 || run(join(venv, 'bin', 'python'), pip) !== 0) {
    return unavailable('MLflow client', 'it can not be installed from PyPI');
  }
  mkdirSync(join(venv, 'ready'));
}

/** AWS's clients of SageMaker Experiments, unmodified; test/rigs/sagemaker-rig.ts looks for them there. */
function sagemakerClient() {
  const venv = 'node_modules/.cache/python-sagemaker';
  // an older one has AWS's plugin of MLflow not yet
  if (existsSync(join(venv, 'ready', 'sagemaker-mlflow'))) return;
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
  const bin = join(venv, 'bin', 'python');
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--no-compile'];
  const packages = ['sagemaker==2.257.6', 'scikit-learn==1.9.1', 'sagemaker-mlflow==0.5.0', 'mlflow-skinny==3.17.2'];
  // seventy packages: uv takes seconds where pip takes a minute
  const install = () =>
    run(bin, [...pip, 'uv==0.13.9']) === 0 &&
    (run(bin, ['-m', 'uv', 'pip', 'install', '-q', '--python', bin, ...packages]) === 0 ||
      run(bin, [...pip, ...packages]) === 0);
  if (!python || run(python, ['-m', 'venv', venv]) !== 0 || !install())
    return unavailable('SageMaker client', 'it can not be installed from PyPI');
  mkdirSync(join(venv, 'ready', 'sagemaker-mlflow'), { recursive: true });
}

/** The real client of Weights & Biases, unmodified; test/journeys/wandb.spec.ts looks for it there. */
function wandbClient() {
  const venv = 'node_modules/.cache/wandb';
  if (existsSync(join(venv, 'ready'))) return;
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', 'wandb==0.31.0'];
  if (!python || run(python, ['-m', 'venv', venv]) !== 0 || run(join(venv, 'bin', 'python'), pip) !== 0)
    return unavailable('W&B client', 'it can not be installed from PyPI');
  mkdirSync(join(venv, 'ready'));
}

/** MLflow's own server, beside which ours is put in the long run. */
function mlflowServer() {
  const venv = 'node_modules/.cache/mlflow-server';
  if (existsSync(join(venv, 'ready'))) return;
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['--version']).status === 0);
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', 'mlflow==3.17.2'];
  if (!python || run(python, ['-m', 'venv', venv]) !== 0 || run(join(venv, 'bin', 'python'), pip) !== 0)
    return unavailable('MLflow server', 'it can not be installed from PyPI');
  mkdirSync(join(venv, 'ready'));
}

function deployment() {
  const { status } = spawnSync(process.execPath, ['tools/check-deploy.mjs'], { stdio: 'inherit' });
  if (status === 3)
    return unavailable('deployment files', 'the tools that read them can not be had (python3 and go are needed once)');
  count('deployment files', status === 0);
}

if (!long) deployment();
if (!long) count('npm run check', run(process.execPath, ['tools/check.mjs']) === 0);
if (!have(browsers, ['chromium', 'fonts-dejavu-core'])) {
  unavailable('browser', 'chromium is not installed (Debian: apt-get install chromium)');
}
if (!have(['/usr/lib/postgresql'], ['postgresql'])) {
  unavailable('PostgreSQL', 'it is not installed (Debian: apt-get install postgresql)');
}
// built before the tests, whose time-outs are not those of a compiler
for (const server of long ? ['versitygw', 'minio'] : ['versitygw']) {
  if (run(process.execPath, ['tools/s3-server.mjs', server]) !== 0)
    unavailable(server, 'it can not be built (https://go.dev is needed once)');
}
if (!have(['/usr/bin/java'], ['openjdk-17-jre-headless']) || !have(['/usr/bin/mvn'], ['maven'])) {
  unavailable('Kafka', 'java and mvn are not installed (Debian: apt-get install openjdk-17-jre-headless maven)');
}
// what the servers of the tests run; `npm install` has built a fresh clone
if (!ci) count('npm run build', run('npm', ['run', 'build']) === 0);
process.env.RUNSTREAM_TEST_PROGRAM = 'built';
mlflowClient();
sagemakerClient();
wandbClient();
if (long) mlflowServer();
vitest();
pytest();
// below 85 % in a folder
if (long) count('npm run test:mutation', run(process.execPath, ['tools/mutation.mjs']) === 0);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

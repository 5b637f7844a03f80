import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, matchesGlob } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

// no container runtime is needed to see that the steps of deploy/Dockerfile work: its commands, in a clean folder, as the user of the image
const user = 10_001;
const asRoot = process.getuid?.() === 0;
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'runstream-image-'));
  chmodSync(root, 0o755);
  const ignored = readFileSync('.dockerignore', 'utf8').split('\n').filter(Boolean);
  const left = (file: string): boolean =>
    ignored.some((rule) => matchesGlob(file, rule) || file.startsWith(`${rule}/`));
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
  for (const file of files.split('\n').filter((name) => name !== '' && !left(name) && existsSync(name))) {
    mkdirSync(join(root, 'app', dirname(file)), { recursive: true });
    cpSync(file, join(root, 'app', file));
  }
  mkdirSync(join(root, 'home'));
  if (asRoot) execFileSync('chown', ['-R', `${user}:${user}`, root]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: join(root, 'home'),
  npm_config_cache: join(root, 'home/npm'),
});
const identity = asRoot ? { uid: user, gid: user } : {};

/** The commands of one stage of the Dockerfile, with the image's folders put below ours. */
function commandsOf(stage: string): readonly string[] {
  const file = readFileSync('deploy/Dockerfile', 'utf8').replaceAll('\\\n', ' ');
  const body = new RegExp(`^FROM \\S+ AS ${stage}\\n([\\s\\S]*?)(?=^FROM |$(?![\\s\\S]))`, 'm').exec(file)![1]!;
  return [...body.matchAll(/^RUN (.+)$/gm)].map(([, command]) => command!.replaceAll('/out', `${root}/out`));
}

function runStage(stage: string): void {
  for (const command of commandsOf(stage)) {
    const { status, stderr } = spawnSync('sh', ['-ec', command], {
      cwd: join(root, 'app'),
      env: environment(),
      encoding: 'utf8',
      ...identity,
    });
    expect(status, `${command}\n${stderr}`).toBe(0);
  }
}

/** What the image runs, until it is asked for nothing more; gives what it said. */
async function start(more: Readonly<Record<string, string>>): Promise<{ url: string | null; said: string }> {
  const { entrypoint, command } = /ENTRYPOINT (?<entrypoint>\[.*\])\s+CMD (?<command>\[.*\])/.exec(
    readFileSync('deploy/Dockerfile', 'utf8'),
  )!.groups!;
  const [program, ...args] = [...(JSON.parse(entrypoint!) as string[]), ...(JSON.parse(command!) as string[])];
  const env = {
    ...environment(),
    NODE_ENV: 'production',
    RUNSTREAM_DATA: join(root, 'home/data'),
    RUNSTREAM_PORT: '0',
    ...more,
  };
  const child = spawn(program!, args, { cwd: join(root, 'out'), env, ...identity });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const gone = new Promise((resolve) => child.once('close', resolve));
  const end = Date.now() + 60_000;
  let url: string | undefined;
  while (url === undefined && child.exitCode === null && Date.now() < end) {
    url = /Runstream is at (http:\S+)/.exec(said)?.[1];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const answered = url === undefined ? null : await fetch(`${url}/healthz`).then(({ ok }) => ok);
  const page = url === undefined ? '' : await (await fetch(url)).text();
  child.kill('SIGTERM');
  await gone;
  return { url: answered === true && page.includes('Runstream') ? url! : null, said };
}

it('the image of everything builds, and runs with nothing but what is in it', async () => {
  runStage('build');
  for (const kept of [
    'dist/services/main.js',
    'dist/dashboard/index.html',
    'node_modules/@nestjs/core',
    'node_modules/chdb',
  ])
    expect(existsSync(join(root, 'out', kept)), kept).toBe(true);
  for (const left of ['node_modules/typescript', 'node_modules/vitest', 'libs', 'node_modules/react'])
    expect(existsSync(join(root, 'out', left)), left).toBe(false);
  const { url, said } = await start({ RUNSTREAM_HOST: '127.0.0.1' });
  expect(url, said).not.toBeNull();
}, 1_800_000);

it('the image of the roles is small, and says that the engine is not in it', async () => {
  runStage('slim');
  const kilobytes = Number(execFileSync('du', ['-sk', join(root, 'out')], { encoding: 'utf8' }).split('\t')[0]);
  expect(kilobytes).toBeLessThan(300_000);
  const { url, said } = await start({ RUNSTREAM_HOST: '127.0.0.1', RUNSTREAM_DATA: join(root, 'home/other') });
  expect(url).toBeNull();
  expect(said).toMatch(/chdb.*is not installed/);
}, 300_000);

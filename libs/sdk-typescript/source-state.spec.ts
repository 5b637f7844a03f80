import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { init } from './sdk.js';
import { Receiver } from './receiver.js';
import { keepPatch, patchOf } from './source-state.js';

const git = (cwd: string, ...words: string[]): void => {
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...words], { cwd, stdio: 'ignore' });
};

describe('the source of a run', () => {
  let dir: string;
  let checkout: string;
  let spools: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'runstream-source-'));
    [checkout, spools] = [join(dir, 'checkout'), join(dir, 'spools')];
    for (const folder of [checkout, spools]) mkdirSync(folder);
    git(checkout, 'init', '-q');
    writeFileSync(join(checkout, 'train.ts'), 'const lr = 0.1;\n');
    writeFileSync(join(checkout, '.env'), 'A=1\n');
    git(checkout, 'add', '-f', '.');
    git(checkout, 'commit', '-q', '-m', 'first');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('comes back by git apply: changed and new files; those of keys stay, tokens are masked', async () => {
    expect(await patchOf(checkout, spools)).toEqual({ content: null, leftOut: '' });
    const token = `hf_${'Q'.repeat(34)}`;
    writeFileSync(
      join(checkout, 'train.ts'),
      `const lr = 0.2;\nconst hfToken = '${token}';\nlog({ apiKey: apiKey });\n`,
    );
    writeFileSync(join(checkout, '.env'), 'PASSWORD=hunter2\n');
    writeFileSync(join(checkout, 'server.pem'), 'hunter2\n');
    writeFileSync(join(checkout, 'größe.bin'), Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    writeFileSync(join(checkout, 'large.bin'), Buffer.alloc(200_000));
    const { content, leftOut } = await patchOf(checkout, spools);
    expect(leftOut).toMatch(/^1 files/);
    const text = content!.toString();
    expect(text).toContain('apiKey: apiKey');
    for (const secret of [token, 'hunter2', 'large.bin']) expect(text).not.toContain(secret);
    const fresh = join(dir, 'fresh');
    git(dir, 'clone', '-q', checkout, fresh);
    execFileSync('git', ['apply', '-'], { cwd: fresh, input: content! });
    expect(readFileSync(join(fresh, 'train.ts'), 'utf8')).toContain('lr = 0.2');
    expect(readFileSync(join(fresh, 'größe.bin'))).toHaveLength(256);
  });

  it('is left out where it is too much, and where there is no repository', async () => {
    writeFileSync(join(checkout, 'train.ts'), 'x'.repeat(5 * 1024 * 1024));
    expect(await patchOf(checkout, spools)).toEqual({
      content: null,
      leftOut: expect.stringMatching(/more than/),
    });
    expect(await patchOf(spools, spools)).toEqual({ content: null, leftOut: '' });
    expect(await keepPatch(spools, { git: null })).toEqual({});
  });

  it('costs nothing but itself where it can not be written', async () => {
    writeFileSync(join(checkout, 'train.ts'), 'const lr = 0.4;\n');
    const folder = join(spools, 'one');
    mkdirSync(join(folder, 'diff.patch'), { recursive: true });
    expect(await keepPatch(folder, { cwd: checkout, git: { commit: 'c' } })).toEqual({});
    rmSync(join(folder, 'diff.patch'), { recursive: true });
    expect(await keepPatch(folder, { cwd: checkout, git: { commit: 'c' } })).toMatchObject({
      file: { path: 'diff.patch' },
    });
  });

  it('is an artifact that the environment names; not where nobody wants it, nor of other ranks', async () => {
    const receiver = new Receiver();
    const url = await receiver.listen();
    writeFileSync(join(checkout, 'train.ts'), 'const lr = 0.3;\n');
    const here = process.cwd();
    process.chdir(checkout);
    try {
      for (const more of [{}, { captureDiff: false }, { rank: 1, worldSize: 2 }]) {
        const run = init({ project: 'p', url, dir: spools, captureConsole: false, ...more });
        run.log({ loss: 1 });
        await run.finish();
      }
    } finally {
      process.chdir(here);
      await receiver.close();
    }
    const diffs = receiver.named('EnvironmentCaptured').map(({ environment }: any) => environment.git.diffDigest);
    expect(diffs).toEqual([expect.stringMatching(/^sha256:/), '', '']);
    expect(receiver.named('ArtifactLogged')).toMatchObject([{ name: 'git/diff.patch', digest: diffs[0] }]);
  });
});

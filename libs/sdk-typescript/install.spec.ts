import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));
const repository = fileURLToPath(new URL('../..', import.meta.url));

describe('npm install of the TypeScript SDK from a clone', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'runstream-install-'));
    // a clone that nobody has built, with the compiler that its own `npm install` brings
    mkdirSync(join(dir, 'clone/libs'), { recursive: true });
    const filter = (path: string): boolean => basename(path) !== 'dist' && basename(path) !== 'node_modules';
    cpSync(here, join(dir, 'clone/libs/sdk-typescript'), { recursive: true, filter });
    symlinkSync(join(repository, 'node_modules'), join(dir, 'clone/node_modules'));
    mkdirSync(join(dir, 'mine'));
    writeFileSync(join(dir, 'mine/package.json'), '{"name":"mine","private":true}');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it.each(['--no-install-links', '--install-links'])('gives a package with its code, %s', async (flag) => {
    const cwd = join(dir, 'mine');
    const words = ['install', '--no-audit', '--no-fund', flag, join(dir, 'clone/libs/sdk-typescript')];
    await run('npm', words, { cwd });
    const program = `import { init } from '@runstream/sdk';
      const run = init({ mode: 'offline', captureConsole: false }); run.log({ loss: 1 });
      await run.finish(); console.log(run.records);`;
    writeFileSync(join(cwd, 'train.mjs'), program);
    const { stdout } = await run(process.execPath, ['train.mjs'], { cwd });
    expect(stdout).toBe('3\n');
  });
});

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, realpathSync, writeFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import type { ArtifactItem } from './batches.js';
import { maskSource } from './masks.js';
import type { Message } from './wire.js';

/** The program's source as it ran: where it was checked out, and as a patch what was changed since. The Python SDK's source_state.py, in TypeScript. */
const patchBytesMax = 4 * 1024 * 1024;
const untrackedBytesMax = 100_000;
const untrackedFilesMax = 200;
const patienceMs = 20_000;
// what holds keys by its name stays where it is, changed or new; so does what tools write beside the source
const secretFiles =
  '.env* *.pem *.key *.p12 *.pfx *.keystore id_rsa* id_ed25519* .netrc .npmrc .pypirc *credentials* *secret* *token*.json';
const notSource = '.runstream wandb mlruns __pycache__ node_modules .venv venv';
const notThese = [
  ...secretFiles.split(' ').map((name) => `:(top,exclude,glob,icase)**/${name}`),
  ...notSource.split(' ').map((name) => `:(top,exclude,glob)**/${name}/**`),
];
const asPatch = '--binary --no-color --no-ext-diff --no-textconv --src-prefix=a/ --dst-prefix=b/'.split(' ');

export interface Patch {
  /** What `git apply` takes; null where nothing was changed, or too much. */
  readonly content: Buffer | null;
  /** Why something is not in it, in words; empty where all is. */
  readonly leftOut: string;
}

export async function gitState(cwd: string): Promise<Message | null> {
  const commit = await ask('git', ['rev-parse', 'HEAD'], cwd);
  if (!commit) return null;
  const [branch, changed, remote] = await Promise.all([
    ask('git', ['rev-parse', '--abbrev-ref', 'HEAD'], cwd),
    ask('git', ['status', '--porcelain', '-uno'], cwd),
    ask('git', ['remote', 'get-url', 'origin'], cwd),
  ]);
  // a token in the address stays here
  return {
    commit,
    branch: branch ?? '',
    dirty: Boolean(changed),
    remote: (remote ?? '').replace(/:\/\/.*@/, '://'),
  };
}

/** Changes since the commit, and small files that git does not know yet; tokens in them are masked. Nothing of the folder of spools. */
export async function patchOf(cwd: string, spools: string): Promise<Patch> {
  const top = await ask('git', ['rev-parse', '--show-toplevel'], cwd);
  if (!top) return { content: null, leftOut: '' };
  const changed = await output(['diff', 'HEAD', ...asPatch, '--', ...notThese], top, patchBytesMax, [0]);
  if (changed === null)
    return {
      content: null,
      leftOut: `the changes since the commit are more than ${patchBytesMax} bytes, or git did not answer`,
    };
  const pieces = [changed];
  let size = changed.length;
  let leftOut = 0;
  const listing = ['ls-files', '--others', '--exclude-standard', '-z', '--', ...notThese];
  const listed = (await output(listing, top, patchBytesMax, [0])) ?? Buffer.alloc(0);
  const ours = realpathSync(spools) + sep;
  const real = realpathSync(top);
  const names = listed
    .toString('utf8')
    .split('\0')
    .filter((name) => name !== '' && !join(real, name).startsWith(ours));
  for (const [index, name] of names.entries()) {
    const stat = lstatSync(join(top, name), { throwIfNoEntry: false });
    const small = stat?.isFile() === true && stat.size <= untrackedBytesMax && index < untrackedFilesMax;
    // git says with 1 that they differ
    const words = ['diff', '--no-index', ...asPatch, '--', devNull, name];
    const added = small ? await output(words, top, patchBytesMax - size, [0, 1]) : null;
    if (added === null) {
      leftOut += 1;
      continue;
    }
    pieces.push(added);
    size += added.length;
  }
  const content = maskSource(Buffer.concat(pieces));
  return {
    content: content.length === 0 ? null : content,
    leftOut:
      leftOut === 0 ? '' : `${leftOut} files that git does not know are not in it: too large, too many, or no files`,
  };
}

interface Kept {
  readonly data?: Message;
  readonly file?: ArtifactItem;
}

/** Writes the patch beside the spool, as a file of the run that is uploaded as any other; what is to be said of it. Without it all else is still known. */
export async function keepPatch(folder: string, environment: Message): Promise<Kept> {
  try {
    return await writePatch(folder, environment);
  } catch (error) {
    process.stderr.write(`git/diff.patch is not kept: ${String(error)}\n`);
    return {};
  }
}

async function writePatch(folder: string, environment: Message): Promise<Kept> {
  const git = environment['git'] as Message | null;
  if (!git) return {};
  const { content, leftOut } = await patchOf(environment['cwd'] as string, dirname(folder));
  if (leftOut !== '') process.stderr.write(`git/diff.patch: ${leftOut}\n`);
  if (content === null) return {};
  writeFileSync(join(folder, 'diff.patch'), content, { mode: 0o600 });
  const diffDigest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const metadata = { commit: git['commit'] as string, ...(leftOut === '' ? {} : { leftOut }) };
  const item = { name: 'git/diff.patch', path: 'diff.patch', copied: true, type: 'code', metadata, step: null };
  return {
    data: { environment: { ...environment, git: { ...git, diffDigest } } },
    file: { ...item, sizeBytes: content.length, timeMs: Date.now() },
  };
}

/** What a program prints; null when it is not there or fails. */
export async function ask(command: string, args: readonly string[], cwd: string): Promise<string | null> {
  try {
    return (await promisify(execFile)(command, args, { cwd, timeout: 10_000 })).stdout.trim();
  } catch {
    return null;
  }
}

/** What git prints; null when that is more, it fails or takes too long. */
function output(args: string[], cwd: string, bytesMax: number, good: readonly number[]): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const child = spawn('git', args, { cwd, stdio: ['ignore', 'pipe', 'ignore'], timeout: patienceMs });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bytesMax) child.kill();
      else chunks.push(chunk);
    });
    child.on('error', () => resolve(null));
    child.on('close', (code) =>
      resolve(code !== null && good.includes(code) && size <= bytesMax ? Buffer.concat(chunks) : null),
    );
  });
}

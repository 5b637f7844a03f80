import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proxyFor } from './http-client.js';
import { detectLaunch } from './launch.js';
import { maskArguments, maskText, maskValue } from './masks.js';
import { Receiver } from './receiver.js';
import { Screen } from './screen.js';

/** A program of its own, as a training job is. */
function play(source: string, dir: string, env: Record<string, string>): ChildProcess {
  const path = join(dir, `job-${Math.random().toString(36).slice(2)}.mts`);
  const sdk = new URL('./sdk.ts', import.meta.url).href;
  writeFileSync(path, `import { init } from ${JSON.stringify(sdk)};\n${source}`);
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(RUNSTREAM_|SLURM_|RANK$|WORLD_SIZE$|VITEST|NODE_ENV)/.test(name),
  );
  const loader = pathToFileURL(join(process.cwd(), 'node_modules/tsx/dist/loader.mjs')).href;
  return spawn(process.execPath, ['--conditions=source', '--import', loader, path], {
    env: { ...Object.fromEntries(clean), RUNSTREAM_DIR: join(dir, 'spool'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
const ended = (job: ChildProcess): Promise<unknown> => new Promise((resolve) => job.once('close', resolve));
const begin = `const run = init({ project: 'p', captureConsole: false, captureEnvironment: false, captureSystem: false }); run.log({ x: 1 });`;

describe('TypeScript SDK, what is around it', () => {
  let receiver: Receiver;
  let url: string;
  let dir: string;
  beforeEach(async () => {
    receiver = new Receiver();
    url = await receiver.listen();
    dir = mkdtempSync(join(tmpdir(), 'runstream-sdk-'));
  });
  afterEach(async () => {
    await receiver.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each([
    ['process.exit(2)', 'failed', 'exit code 2'],
    ["throw new TypeError('boom')", 'failed', 'TypeError: boom'],
    ['process.exitCode = 0', 'finished', ''],
    ["process.kill(process.pid, 'SIGKILL')", 'killed', ''],
    ["process.kill(process.pid, 'SIGTERM'); await new Promise((done) => setTimeout(done, 10_000))", 'killed', ''],
  ])('records how a process ended: %s', async (how, state, reason) => {
    await ended(
      play(`${begin} await new Promise((done) => setTimeout(done, 300)); ${how}`, dir, { RUNSTREAM_URL: url }),
    );
    await expect.poll(() => receiver.named('RunFinished')).toHaveLength(1);
    const [end] = receiver.named('RunFinished');
    expect(end).toMatchObject({ state, reason: expect.stringContaining(reason) as string });
  });

  it('goes through the proxy that is set', async () => {
    const seen: string[] = [];
    const proxy: Server = createServer((asked, answer) => {
      seen.push(asked.url!);
      const { pathname } = new URL(asked.url!);
      const on = request(
        `${url}${pathname.replace('/prefix', '')}`,
        { method: asked.method, headers: asked.headers },
        (got) => {
          answer.writeHead(got.statusCode!, got.headers);
          got.pipe(answer);
        },
      );
      asked.pipe(on);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const http_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await ended(
      play(`${begin} await run.finish();`, dir, {
        RUNSTREAM_URL: 'http://runstream.internal/prefix/',
        http_proxy,
        no_proxy: '',
      }),
    );
    proxy.closeAllConnections();
    proxy.close();
    expect(receiver.points()).toHaveLength(1);
    expect(new Set(seen)).toEqual(new Set(['http://runstream.internal/prefix/v1/events']));
  });

  it.each([
    ['http://a.example.org/', { http_proxy: 'http://p:1' }, 'http://p:1/'],
    ['https://a.example.org/', { HTTPS_PROXY: 'p:1' }, 'http://p:1/'],
    ['http://a.example.org/', { http_proxy: 'http://p:1', no_proxy: 'localhost,.example.org' }, null],
    ['http://10.1.2.3:7171/', { http_proxy: 'http://p:1', NO_PROXY: '10.0.0.0/8' }, null],
    ['http://a:7171/', { http_proxy: 'http://p:1', no_proxy: 'a:7172' }, 'http://p:1/'],
    ['http://a/', { all_proxy: 'http://p:1', no_proxy: '*' }, null],
  ])('finds the proxy for %s in %o', (address, env, proxy) => {
    expect(proxyFor(new URL(address), env)?.href ?? null).toBe(proxy);
  });

  it('masks secrets and nothing else', () => {
    const secret = `hf_${'Q'.repeat(34)}`;
    const words = [
      '--lr',
      '0.1',
      '--hf_token',
      secret,
      '--api-key=0123456789',
      '--db',
      'postgres://me:p@ss/w@host/db',
      `A_KEY=${secret}`,
    ];
    expect(maskArguments(words)).toEqual([
      '--lr',
      '0.1',
      '--hf_token',
      '***',
      '--api-key=***',
      '--db',
      'postgres://me:***@host/db',
      'A_KEY=***',
    ]);
    const plain = [
      '--max_tokens',
      '512',
      '--pad_token',
      '[PAD]',
      '--tokenizer',
      'gpt2',
      'git@github.com:a/b.git',
      'ssh://git@host/x',
    ];
    expect(maskArguments(plain)).toEqual(plain);
    expect(maskText('https://x/y?token=abcdef&page=1')).toBe('https://x/y?token=***&page=1');
    expect([maskValue('password', 'qwertz'), maskValue('pad_token', '<pad>')]).toEqual(['***', '<pad>']);
  });

  it('takes no shell of an allocation and no notebook for a rank of a job', () => {
    const slurm = { SLURM_JOB_ID: '7', SLURM_PROCID: '0', SLURM_STEP_NUM_TASKS: '4', SLURM_STEP_ID: '0' };
    expect(detectLaunch(slurm, 1)).toMatchObject({ launcher: 'slurm', worldSize: 4 });
    for (const more of [{ SLURM_PTY_PORT: '1' }, { SLURM_STEP_ID: '4294967290' }, { JPY_PARENT_PID: '1' }])
      expect(detectLaunch({ ...slurm, ...more }, 1)).toMatchObject({ launcher: '', worldSize: 1, launch: '' });
  });

  it('keeps of nested bars as many lines as are seen, and the state of a long one now and then', () => {
    let now = 0;
    const shown = (chunks: string[], ms: number): string[] => {
      const kept: string[] = [];
      const screen = new Screen(
        (line) => kept.push(line),
        () => now,
      );
      for (const chunk of chunks) {
        screen.feed(chunk);
        now += ms;
        screen.tick();
      }
      screen.finish();
      return kept;
    };
    const nested = [0, 1, 2].flatMap((outer) => [
      `\router ${outer}/3`,
      ...Array.from({ length: 100 }, (_, i) => ['\n', `\rinner ${i}/100`, '\u001b[A']).flat(),
    ]);
    expect(shown([...nested, '\router 3/3', '\n', '\rinner 100/100', '\n', 'done\n'], 1)).toEqual([
      'outer 3/3',
      'inner 100/100',
      'done',
    ]);
    const long = shown([...Array.from({ length: 101 }, (_, i) => `\rEpoch: ${i}%`), '\n', 'next\n'], 1_000);
    expect(long.length).toBeGreaterThan(3);
    expect(long.length).toBeLessThan(10);
    expect(long.slice(-2)).toEqual(['Epoch: 100%', 'next']);
    expect(shown(['a\n\nb\r\npart', 'ial\n'], 1)).toEqual(['a', '', 'b', 'partial']);
  });
});

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const venv = fileURLToPath(new URL('../../node_modules/.cache/wandb', import.meta.url));
const scripts = fileURLToPath(new URL('../journeys/wandb/', import.meta.url));

/** tools/test.mjs installs the client from PyPI; without it these suites are skipped, which fails with CI=true. */
export const wandbInstalled = existsSync(`${venv}/ready`);

/** Any key of the right form: where the server needs none, all are let in. */
const anyKey = `local-${'0123456789'.repeat(4)}`;

export interface WandbRig {
  /** Runs a program that logs to W&B; gives its exit code and what it printed. */
  run(
    args: readonly string[],
    environment?: Readonly<Record<string, string>>,
  ): Promise<{ readonly code: number | null; readonly output: string }>;
  /** The last line that a program printed, which is JSON; throws when it failed. */
  script<T>(args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<T>;
  close(): void;
}

/** The unmodified client with a folder of its own, pointed at a server. */
export function openWandbRig(url: string): WandbRig {
  const dir = mkdtempSync(join(tmpdir(), 'runstream-wandb-'));
  const run: WandbRig['run'] = async (args, environment = {}) => {
    const child = spawn(`${venv}/bin/python`, args, {
      cwd: scripts,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        WANDB_BASE_URL: `${url}/wandb`,
        WANDB_API_KEY: anyKey,
        WANDB_DIR: dir,
        WANDB_CONFIG_DIR: dir,
        WANDB_CACHE_DIR: dir,
        WANDB_DATA_DIR: dir,
        WANDB_ARTIFACT_DIR: join(dir, 'artifacts'),
        WANDB_ERROR_REPORTING: 'false',
        PYTHONDONTWRITEBYTECODE: '1',
        ...environment,
      },
    });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, output: code === 0 ? output : `${output.slice(-2_000)}\n${errors.slice(-4_000)}` };
  };
  return {
    run,
    script: async <T>(args: readonly string[], environment?: Readonly<Record<string, string>>) => {
      const { code, output } = await run(args, environment);
      if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${output}`);
      return JSON.parse(output.trimEnd().split('\n').at(-1)!) as T;
    },
    close: () => {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

import { readFileSync } from 'node:fs';
import { cpus, hostname, release, totalmem, type, userInfo } from 'node:os';
import { join } from 'node:path';
import { maskAll, maskArguments } from './masks.js';
import { ask, gitState } from './source-state.js';
import type { Message } from './wire.js';

/** Cheap, in the training process. */
export function captureQuickly(launcher: string): Message {
  return maskAll({
    command: maskArguments([process.argv0, ...process.argv.slice(1)])
      .join(' ')
      .slice(0, 60_000),
    host: hostname(),
    user: process.env['USER'] ?? process.env['LOGNAME'] ?? userName(),
    os: `${type()} ${release()}`,
    runtime: `node ${process.versions.node}`,
    launcher,
    cwd: cwd(),
  });
}

function cwd(): string {
  try {
    return process.cwd();
  } catch {
    return ''; // it was removed
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return ''; // a container without an entry for this user
  }
}

/** What takes time, in the sender. */
export async function captureThoroughly(known: Message): Promise<Message> {
  const cwd = known['cwd'] as string;
  const [git, gpus] = await Promise.all([
    gitState(cwd),
    ask('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader'], cwd),
  ]);
  return maskAll({
    ...known,
    git,
    packages: packages(cwd),
    hardware: {
      cpu: cpus()[0]?.model ?? '',
      cpuCount: cpus().length,
      memoryBytes: totalmem(),
      gpus: gpus ? gpus.split('\n').slice(0, 64) : [],
    },
  });
}

function packages(cwd: string): Record<string, string> {
  const versionOf = (path: string): { version?: string; dependencies?: Record<string, string> } | null => {
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as { version?: string };
    } catch {
      return null; // not a Node project, or not installed
    }
  };
  const names = Object.keys(versionOf(join(cwd, 'package.json'))?.dependencies ?? {});
  const found = names.map(
    (name) => [name, versionOf(join(cwd, 'node_modules', name, 'package.json'))?.version ?? ''] as const,
  );
  return Object.fromEntries(found.filter(([, version]) => version !== ''));
}

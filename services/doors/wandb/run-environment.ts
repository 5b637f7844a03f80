import type { Environment } from '#libs/domain/event.js';
import { isObject, type JsonObject } from '#libs/domain/plain-json.js';
import { emptyEnvironment } from '../shared/empty-environment.js';
import { readLooseObject } from './loose-json.js';
import { wellFormed } from './well-formed.js';

const textOf = (value: unknown, charsMax = 500): string =>
  typeof value === 'string' ? wellFormed(value.slice(0, charsMax)) : '';
const countOf = (value: unknown): number => {
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : 0;
};

/** What wandb-metadata.json tells of where the program ran. */
function withMetadata(known: Environment, text: string): Environment | null {
  const said = readLooseObject(text);
  if (!said) return null;
  const [git, memory] = [objectOf(said['git']), objectOf(said['memory'])];
  const args = Array.isArray(said['args']) ? said['args'].filter((each) => typeof each === 'string') : [];
  const gpus = Array.isArray(said['gpu_nvidia']) ? said['gpu_nvidia'] : [];
  const program = textOf(said['program'], 10_000) || known.command;
  return {
    ...known,
    git: git
      ? {
          ...(known.git ?? noGit),
          commit: textOf(git['commit']),
          remote: textOf(git['remote'], 2_000),
        }
      : (known.git ?? null),
    command: wellFormed([program, ...args].join(' ').slice(0, 60_000)),
    host: textOf(said['host']) || known.host,
    user: textOf(said['username']) || textOf(said['email']) || known.user,
    os: textOf(said['os']),
    runtime: textOf(said['python']),
    cwd: textOf(said['root'], 4_000),
    hardware: {
      cpu: '',
      cpuCount: countOf(said['cpu_count_logical'] ?? said['cpu_count']),
      memoryBytes: countOf(memory?.['total']),
      gpus: gpus
        .slice(0, 64)
        .map((each) => (isObject(each) ? textOf(each['name'], 200) : ''))
        .filter((name) => name !== ''),
      acceleratorRuntime: textOf(said['cudaVersion']),
    },
  };
}

/** "numpy==2.1.0" a line; other lines say nothing of a version. */
function withRequirements(known: Environment, text: string): Environment {
  const packages: Record<string, string> = {};
  for (const line of text.split('\n').slice(0, 10_000)) {
    const match = /^\s*([A-Za-z0-9][\w.-]*)\s*==\s*([^\s;#]+)/.exec(line);
    if (match) packages[match[1]!] = match[2]!.slice(0, 200);
  }
  return { ...known, packages };
}

function withDiff(known: Environment, digest: string): Environment {
  return { ...known, git: { ...(known.git ?? noGit), dirty: true, diffDigest: digest } };
}

/** Files of a run that tell of its environment. */
export const environmentFiles: ReadonlySet<string> = new Set(['wandb-metadata.json', 'requirements.txt', 'diff.patch']);

/** What is known of the environment with what one of those files says; null where it says nothing. */
export function environmentWith(
  known: Environment | null,
  file: { readonly name: string; readonly text: string; readonly digest: string },
): Environment | null {
  const before = whole(known);
  switch (file.name) {
    case 'wandb-metadata.json':
      return withMetadata(before, file.text);
    case 'requirements.txt':
      return withRequirements(before, file.text);
    case 'diff.patch':
      return withDiff(before, file.digest);
    default:
      return null;
  }
}

const noGit = { commit: '', branch: '', dirty: false, remote: '', diffDigest: '' };
const noHardware = { cpu: '', cpuCount: 0, memoryBytes: 0, gpus: [], acceleratorRuntime: '' };

/** As the wire leaves out what is empty, so may what was read from it. */
function whole(known: Environment | null): Environment {
  const git = known?.git ? { ...noGit, ...known.git } : null;
  const hardware = known?.hardware ? { ...noHardware, ...known.hardware } : null;
  return { ...emptyEnvironment, ...known, git, hardware };
}

const objectOf = (value: unknown): JsonObject | null => (isObject(value) ? value : null);

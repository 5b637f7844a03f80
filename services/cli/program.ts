import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ConfigurationError, readConfiguration, type Configuration } from '#libs/config/configuration.js';
import { Rejection, Unavailable, Unusable } from '#libs/domain/rejection.js';
import { createAwsKeyCommand, createKeyCommand, listKeysCommand, revokeKeyCommand } from './keys.js';
import { rebuildCommand } from './rebuild.js';
import { start } from './start.js';
import { exportCommand, importCommand } from './transfer.js';
import { verifyCommand } from './verify.js';

// all that is written is for its owner only: logs, tables, artifacts, the engine's files
process.umask(0o077);

// at the top of a checkout, one folder up from there in dist
const manifest = ['../../package.json', '../../../package.json'].map((path) => new URL(path, import.meta.url));
const version = manifest.map(readVersion).find((found) => found !== null) ?? 'unknown';

function readVersion(url: URL): string | null {
  try {
    return (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const configuration = (): Configuration => readConfiguration(process.env, process.cwd());
const program = new Command('runstream')
  .description('Live, event-sourced experiment tracking for training jobs.')
  .version(version);

program
  .command('start', { isDefault: true })
  .description('start the roles of RUNSTREAM_ROLES; everything embedded by default')
  .action(async () => start(configuration(), version));
program
  .command('rebuild')
  .argument('[projection]', 'runs or points; both when absent')
  .option('--force', 'switch even if the digests differ', false)
  .option('--drop-old', 'drop the old tables after the switch', false)
  .description('fill new tables from the log beside the live ones, compare, switch')
  .action(async (projection: string | undefined, options: { force: boolean; dropOld: boolean }) =>
    rebuildCommand(configuration(), projection, options),
  );
program
  .command('verify')
  .description('read the whole log and check every block')
  .action(async () => verifyCommand(configuration()));
program
  .command('export')
  .argument('<file>', 'JSON lines are written here; - for standard output')
  .argument('[run...]', 'run ids; every run when none is given')
  .description('write the events of runs, to archive them or to import them elsewhere')
  .action(async (file: string, runs: string[]) => exportCommand(configuration(), runs, file));
program
  .command('import')
  .argument('<file>', 'what export wrote; - for standard input')
  .description('append exported events to the running server; twice changes nothing')
  .action(async (file: string) => importCommand(configuration(), file));
const keys = program
  .command('keys')
  .description('API keys: needed by every caller when the server is bound to other than loopback');
keys
  .command('create')
  .argument('[name]', 'whom it is for', '')
  .option('--if-none', 'only when there is none yet, for deployments that run this at each start', false)
  .option('--aws', 'an access key and its secret for clients of AWS, such as those of SageMaker Experiments', false)
  .description('make a key; it is shown once')
  .action(async (name: string, { ifNone, aws }: { ifNone: boolean; aws: boolean }) =>
    aws ? createAwsKeyCommand(configuration(), name) : createKeyCommand(configuration(), name, ifNone),
  );
keys
  .command('list')
  .description('keys that are not revoked')
  .action(async () => listKeysCommand(configuration()));
keys
  .command('revoke')
  .argument('<key id>')
  .description('stop accepting a key')
  .action(async (keyId: string) => revokeKeyCommand(configuration(), keyId));

try {
  await program.parseAsync();
} catch (error) {
  // what a person can mend is said plainly; the rest keeps its stack
  const plain =
    error instanceof ConfigurationError ||
    error instanceof Rejection ||
    error instanceof Unavailable ||
    error instanceof Unusable ||
    isSystemError(error);
  console.error(plain ? (error as Error).message : error);
  process.exit(1);
}

function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | null)?.syscall === 'string';
}

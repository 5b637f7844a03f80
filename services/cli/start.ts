import { chmod } from 'node:fs/promises';
import type { Configuration } from '#libs/config/configuration.js';
import { openBackend } from '#libs/backend/open-backend.js';
import { ConfigurationError } from '#libs/config/configuration.js';
import { patiently } from '#libs/backend/patiently.js';
import { createLogger, type Logger } from '#libs/observability/logger.js';
import { isLoopback } from '../http/auth.js';
import { WaitingRoom } from '../status/waiting-room.js';
import { stopOnSignals } from './stop.js';

/** Runs until told to stop; the first signal stops cleanly, also while the server starts; a second one at once. */
export async function start(configuration: Configuration, version: string): Promise<void> {
  const logger = createLogger(configuration.logLevel, (line) => process.stderr.write(line), Date.now);
  const opened: (() => Promise<void>)[] = [];
  let stopping = false;
  // what is waited for when we are told to stop is not waited for any more
  const stopped = new AbortController();
  const starting = open(configuration, version, logger, opened, stopped.signal, (code) => stop(code));
  const stop = stopOnSignals(logger, async () => {
    stopping = true;
    stopped.abort();
    await starting.catch(() => null);
    for (const close of opened.splice(0).reverse()) await close();
  });
  try {
    const url = await starting;
    if (!stopping) console.log(welcome(url, configuration));
  } catch (error) {
    // whoever stops us has said so already
    if (stopping) return;
    for (const close of opened.splice(0).reverse()) await close();
    throw error;
  }
}

/** Opens backend and server; what is open so far is in `opened`. */
async function open(
  configuration: Configuration,
  version: string,
  logger: Logger,
  opened: (() => Promise<void>)[],
  signal: AbortSignal,
  stop: (code: number) => void,
): Promise<string> {
  await closeFolders(configuration);
  const room = new WaitingRoom(configuration.host, configuration.port, Date.now, (url) =>
    logger.warn('not everything is there yet; what is missing is told at the address', { readyz: `${url}/readyz` }),
  );
  const patience = {
    logger,
    patienceMs: Infinity,
    signal,
    onWaiting: (what: string, reason: string | null) => room.waiting(what, reason),
  };
  opened.push(async () => {
    await room.close();
  });
  let spawned = (): void => undefined;
  const elsewhere = new Promise<void>((resolve) => (spawned = resolve));
  const opening = openBackend(configuration, { clock: Date.now, ...patience, onSpawned: spawned });
  // the frameworks are read while the engines start, which together are most of the time a person waits; not before they do, for
  // reading leaves nobody else a turn
  const reading = Promise.race([elsewhere, opening]).then(() => import('../server.js'));
  const [prepared, { openServer }] = await Promise.all([opening, reading]);
  opened.push(() => prepared.close());
  const hasKeys = async (): Promise<boolean> => {
    // the key may have been made a moment ago: the run tables must contain it
    if (!prepared.shared) await prepared.catchUp('runs');
    return prepared.hasApiKeys();
  };
  if (!isLoopback(configuration.host) && !(await patiently('the API keys', patience, hasKeys))) {
    throw new ConfigurationError(
      `RUNSTREAM_HOST=${configuration.host} can be reached from other machines, so API keys are needed. Make one first:\n  npx runstream keys create my-laptop`,
    );
  }
  const port = await room.close();
  const backend = port === null ? prepared : { ...prepared, configuration: { ...configuration, port } };
  const onFailure = (what: string, error: unknown): void => {
    logger.error(`${what} failed for a reason that waiting can't mend; stopping`, { error });
    stop(1);
  };
  backend.onFailure(onFailure);
  const server = await openServer({ backend, logger, version, onFailure });
  opened.push(() => server.close());
  return server.url;
}

/** Folders that an older program made are closed to others as well, with all that is in them. */
async function closeFolders({ log, runs, metrics, artifacts }: Configuration): Promise<void> {
  for (const each of [log, runs, metrics, artifacts]) {
    if (!('dir' in each)) continue;
    await chmod(each.dir, 0o700).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }
}

function welcome(url: string, { dataDir, roles }: Configuration): string {
  return `
  Runstream is at ${url}   (${roles.join(', ')})
  data in ${dataDir}

  Log a first run from Python (pip install ./libs/sdk-python):

    import runstream
    run = runstream.init(project="hello", config={"lr": 0.1})
    for step in range(100): run.log({"loss": 1 / (step + 1)})

  or stream a real training job:  npm run demo
`;
}

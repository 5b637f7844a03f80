import type { Configuration } from '#libs/config/configuration.js';
import { openBackend } from '#libs/backend/open-backend.js';
import { ConfigurationError } from '#libs/config/configuration.js';
import { createLogger } from '#libs/observability/logger.js';
import { isLoopback } from '../http/auth.js';

const stopTimeoutMs = 15_000;

/** Runs until told to stop; the first signal stops cleanly, the second at once. */
export async function start(configuration: Configuration, version: string): Promise<void> {
  const logger = createLogger(configuration.logLevel, (line) => process.stderr.write(line), Date.now);
  // the frameworks are read while the engines start: together they are most of the time a person waits
  const [backend, { openServer }] = await Promise.all([
    openBackend(configuration, { clock: Date.now, logger }),
    import('../server.js'),
  ]);
  // the key may have been made a moment ago: the run tables must contain it
  if (!isLoopback(configuration.host) && !backend.shared) await backend.catchUp('runs');
  if (!isLoopback(configuration.host) && !(await backend.hasApiKeys())) {
    await backend.close();
    throw new ConfigurationError(
      `RUNSTREAM_HOST=${configuration.host} can be reached from other machines, so API keys are needed. Make one first:\n  npx runstream keys create my-laptop`,
    );
  }
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    const timer = setTimeout(() => process.exit(1), stopTimeoutMs);
    await server.close();
    await backend.close();
    clearTimeout(timer);
    process.exit(code);
  };
  const onFailure = (what: string, error: unknown): void => {
    logger.error(`${what} failed for a reason that waiting can't mend; stopping`, { error });
    void stop(1);
  };
  backend.onFailure(onFailure);
  const server = await openServer({ backend, logger, version, onFailure }).catch(async (error: unknown) => {
    await backend.close();
    throw error;
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0));
  console.log(welcome(server.url, configuration));
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

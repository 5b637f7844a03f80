import { openBackend } from '#libs/backend/open-backend.js';
import type { Backend } from '#libs/backend/backend.js';
import type { Configuration } from '#libs/config/configuration.js';
import { createLogger } from '#libs/observability/logger.js';
import { createAwsPair, createKey, revokeKey } from '../admin/api-keys.js';
import { askRunningServer } from './running-server.js';

interface Key {
  readonly keyId: string;
  readonly key: string;
}

export async function createKeyCommand(configuration: Configuration, name: string, ifNone = false): Promise<void> {
  if (ifNone && (await keysOf(configuration)).length > 0) {
    console.log('There are keys already: none was made.');
    return;
  }
  const { keyId, key } =
    (await askRunningServer<Key>(configuration, '/v1/admin/keys', { name })) ??
    (await alone(configuration, (backend) => createKey(backend, name)));
  console.log(`${key}\n\nKey ${keyId} is shown this once. Clients take it from RUNSTREAM_API_KEY.`);
}

interface AwsPair {
  readonly keyId: string;
  readonly secret: string;
}

/** A pair for clients of AWS's APIs. */
export async function createAwsKeyCommand(configuration: Configuration, name: string): Promise<void> {
  const { keyId, secret } =
    (await askRunningServer<AwsPair>(configuration, '/v1/admin/keys', { name, kind: 'aws' })) ??
    (await alone(configuration, (backend) => createAwsPair(backend, name)));
  console.log(
    `AWS_ACCESS_KEY_ID=${keyId}\nAWS_SECRET_ACCESS_KEY=${secret}\n\nThe secret is shown this once. Clients of AWS take both from these variables.`,
  );
}

export async function revokeKeyCommand(configuration: Configuration, keyId: string): Promise<void> {
  const answer = await askRunningServer(configuration, '/v1/admin/keys/revoke', { keyId });
  if (answer === null) await alone(configuration, (backend) => revokeKey(backend, keyId));
  console.log(`Key ${keyId} is revoked.`);
}

export async function listKeysCommand(configuration: Configuration): Promise<void> {
  for (const { keyId, name, createdAt } of await keysOf(configuration))
    console.log(`${keyId}  ${new Date(createdAt).toISOString()}  ${name}`);
}

interface KeyRow {
  readonly keyId: string;
  readonly name: string;
  readonly createdAt: number;
}

async function keysOf(configuration: Configuration): Promise<readonly KeyRow[]> {
  return (
    (await askRunningServer<readonly KeyRow[]>(configuration, '/v1/admin/keys/list', {})) ??
    (await alone(configuration, (backend) => backend.runTable.apiKeys()))
  );
}

/** With no server running the command opens the stores itself; the run tables contain what was before and what it did. */
async function alone<T>(configuration: Configuration, work: (backend: Backend) => Promise<T>): Promise<T> {
  const logger = createLogger('warn', (line) => process.stderr.write(line), Date.now);
  const backend = await openBackend(configuration, { clock: Date.now, logger });
  try {
    await backend.catchUp('runs');
    const result = await work(backend);
    await backend.catchUp('runs');
    return result;
  } finally {
    await backend.close();
  }
}

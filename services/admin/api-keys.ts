import type { Backend } from '#libs/backend/backend.js';
import { Rejection } from '#libs/domain/rejection.js';
import { encodeEvent, toRecord } from '#libs/log/event-record.js';
import type { EventData } from '#libs/domain/event.js';
import { createApiKey, createAwsKey } from '../http/auth.js';
import { makeSecretBox } from '../http/installation-key.js';

type KeyBackend = Pick<Backend, 'log' | 'clock' | 'newId' | 'runTable' | 'configuration'>;

async function append<Name extends 'ApiKeyCreated' | 'ApiKeyRevoked'>(
  backend: KeyBackend,
  name: Name,
  data: EventData[Name],
): Promise<void> {
  const head = {
    id: backend.newId(),
    source: 'admin',
    subject: '',
    timeMs: backend.clock(),
    writer: null,
    reply: false,
  };
  await backend.log.append([toRecord(encodeEvent(head, name, data), (topic) => backend.log.partitionCount(topic))]);
}

/** Makes a key. This is the only time it is seen: the log holds its hash. */
export async function createKey(
  backend: KeyBackend,
  name: string,
): Promise<{ readonly keyId: string; readonly key: string }> {
  const { keyId, key, hash } = createApiKey();
  await append(backend, 'ApiKeyCreated', { keyId, name, hash, scopes: [] });
  return { keyId, key };
}

/** Makes a pair for clients of AWS. This is the only time its secret is seen: the log holds it sealed. */
export async function createAwsPair(
  backend: KeyBackend,
  name: string,
): Promise<{ readonly keyId: string; readonly secret: string }> {
  const { keyId, secret, sealed } = createAwsKey(await makeSecretBox(backend.configuration));
  await append(backend, 'ApiKeyCreated', { keyId, name, hash: sealed, scopes: ['aws'] });
  return { keyId, secret };
}

export async function revokeKey(backend: KeyBackend, keyId: string): Promise<void> {
  if (!(await backend.runTable.apiKeys()).some((known) => known.keyId === keyId)) {
    throw new Rejection('NOT_FOUND', `keyId: there is no key ${keyId}`, 'keyId');
  }
  await append(backend, 'ApiKeyRevoked', { keyId });
}

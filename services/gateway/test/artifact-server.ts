import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ArtifactLinks, ArtifactStore } from '#libs/artifacts/artifact-store.js';
import { openDiskArtifactStore } from '#libs/artifacts/disk-artifact-store.js';
import { createInstruments } from '#libs/observability/instruments.js';
import { createLogger } from '#libs/observability/logger.js';
import type { RunTable } from '#libs/runs/run-table.js';
import { createApiKey, createAuth } from '../../http/auth.js';
import { Bodies } from '../../http/bodies.js';
import { ErrorFilter } from '../../http/error-filter.js';
import { createHttpAdapter } from '../../http/http-adapter.js';
import { BACKEND, BODIES, LOGGER } from '../../tokens.js';
import { ArtifactsController } from '../artifacts.controller.js';

class ArtifactsOnly {
  readonly role = 'gateway';
}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface ArtifactServer {
  readonly key: string;
  /** Of the artifacts, without the slash behind it. */
  readonly url: string;
  readonly store: ArtifactStore;
  /** With the key, unless another one is given. */
  ask(this: void, path: string, init?: RequestInit, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/** The gate and the controller as the server has them, over a real folder; artifacts of at most 1,000 bytes. */
export async function startArtifactServer({
  origins = [],
  clock = Date.now,
  links = null,
}: {
  readonly origins?: readonly string[];
  readonly clock?: () => number;
  /** Where the store could be reached past the server; a folder can't. */
  readonly links?: Pick<ArtifactLinks, 'upload' | 'download'> | null;
} = {}): Promise<ArtifactServer> {
  const made = createApiKey();
  const dir = mkdtempSync(join(tmpdir(), 'artifact-answers-'));
  const store = await openDiskArtifactStore({ dir, clock: Date.now });
  const table = { apiKeys: () => Promise.resolve([made]) } as unknown as RunTable;
  const auth = createAuth(table, '0.0.0.0', () => 0);
  const artifactStore = links ? ({ links } as ArtifactStore) : store;
  const backend = { artifactStore, configuration: { artifactBytesMax: 1_000 }, clock };
  const module = {
    module: ArtifactsOnly,
    controllers: [ArtifactsController],
    providers: [
      { provide: BACKEND, useValue: backend },
      { provide: BODIES, useValue: new Bodies() },
      { provide: LOGGER, useValue: createLogger('error', () => undefined, Date.now) },
      { provide: APP_FILTER, useClass: ErrorFilter },
    ],
  };
  const adapter = createHttpAdapter({ auth, instruments: createInstruments(), origins });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false, bodyParser: false });
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}/v1/artifacts`;
  return {
    key: made.key,
    url,
    store,
    ask: (path, init = {}, headers = {}) =>
      fetch(`${url}/${path}`, { ...init, headers: { authorization: `Bearer ${made.key}`, ...headers } }),
    async close() {
      await app.close();
      rmSync(dir, { recursive: true });
    },
  };
}

import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { keepUploadsClean } from '#libs/artifacts/stale-uploads.js';
import type { Backend } from '#libs/backend/backend.js';
import { ConfigurationError, type Configuration } from '#libs/config/configuration.js';
import { createInstruments } from '#libs/observability/instruments.js';
import type { Logger } from '#libs/observability/logger.js';
import { dropOthers, holdLive, othersGoOverMs, rebuild } from '#libs/projecting/rebuild.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { RebuildRequest } from './admin/admin.controller.js';
import { AppModule } from './app.module.js';
import type { Gateway } from './gateway/gateway.js';
import { createGatewaySchema } from './gateway/gateway-schema.js';
import { openGraphqlSocket } from './gateway/graphql-socket.js';
import { createAuth, type Auth } from './http/auth.js';
import { secretBoxOf } from './http/installation-key.js';
import { serveDashboard } from './http/dashboard.js';
import { serveSdkPackages } from './http/sdk-packages.js';
import { createHttpAdapter } from './http/http-adapter.js';
import { createEventAcceptor } from './ingest/accept-events.js';
import { watchTables } from './projector/table-watch.js';
import { EventLogTransport } from './projector/event-log-transport.js';

/** How long requests that run when the server stops are given to end. */
const drainMs = 2_000;

export interface Server {
  readonly url: string;
  readonly auth: Auth;
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly backend: Backend;
  readonly logger: Logger;
  readonly version: string;
  /** We are wrong and can't go on: the process should end. */
  readonly onFailure: (what: string, error: unknown) => void;
}

/** Opens the roles of the configuration over an opened backend and listens. */
export async function openServer({ backend, logger, version, onFailure }: ServerOptions): Promise<Server> {
  const { configuration } = backend;
  const instruments = createInstruments();
  const auth = createAuth(backend.runTable, configuration.host, backend.clock, () => secretBoxOf(configuration));
  const transport = new EventLogTransport(backend, instruments, logger, onFailure);
  const gateway: Gateway = {
    backend,
    acceptor: createEventAcceptor(backend),
    schema: createGatewaySchema(),
    auth,
    authRequired: auth.required,
    version,
    logger,
    instruments,
  };
  const stopping = new AbortController();
  const rebuildTables = rebuilder(backend, transport, stopping.signal);
  const parts = { backend, gateway, instruments, logger, rebuild: rebuildTables };
  const adapter = createHttpAdapter({ auth, instruments, origins: configuration.origins });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.register(parts), adapter, {
    logger: false,
    bodyParser: false,
  });
  if (configuration.roles.includes('projector')) {
    app.connectMicroservice({ strategy: transport }, { inheritAppConfig: false });
    await app.startAllMicroservices();
  }
  if (configuration.roles.includes('gateway')) {
    await serveDashboard(app);
    serveSdkPackages(app);
  }
  try {
    await app.listen(configuration.port, configuration.host);
  } catch (error) {
    await transport.close();
    throw unbindable(error as NodeJS.ErrnoException, configuration);
  }
  const http = app.getHttpServer();
  const socket = configuration.roles.includes('gateway') ? openGraphqlSocket(http, gateway) : null;
  const uploads = configuration.roles.includes('gateway') ? watchUploads(backend, logger) : null;
  const { roles } = configuration;
  const tables =
    roles.includes('projector') || roles.includes('gateway')
      ? watchTables({
          backend,
          logger,
          mend: roles.includes('projector')
            ? (projection, damage) => rebuildTables({ projection, force: true, dropOld: true, damage })
            : null,
        })
      : null;
  const { port } = http.address() as AddressInfo;
  const host = configuration.host.includes(':') ? `[${configuration.host}]` : configuration.host;
  return {
    url: `http://${host}:${port}`,
    auth,
    async close() {
      stopping.abort();
      // requests that run may end; an upload of an hour may not hold us
      const drained = setTimeout(() => http.closeAllConnections(), drainMs);
      await Promise.all([tables?.close(), uploads?.close(), socket?.close(), app.close()]);
      clearTimeout(drained);
      await transport.close();
    },
  };
}

const unbindableWhy: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program; stop it, or choose another port with RUNSTREAM_PORT',
  EACCES: 'may not be opened by this user; choose a port from 1024 on with RUNSTREAM_PORT',
  EADDRNOTAVAIL: 'is no address of this machine; see RUNSTREAM_HOST',
};
function unbindable(error: NodeJS.ErrnoException, { host, port }: Configuration): Error {
  const why = unbindableWhy[error.code ?? ''];
  return why === undefined ? error : new ConfigurationError(`${host}, port ${port} ${why}`);
}

function watchUploads(backend: Backend, logger: Logger): { close(): Promise<void> } {
  return keepUploadsClean(backend.artifactStore, backend.clock, (removed, error) => {
    if (error) logger.warn('stale uploads could not be removed', { error });
    else logger.info('stale uploads removed', { removed });
  });
}

function rebuilder(backend: Backend, transport: EventLogTransport, signal: AbortSignal) {
  let busy = false;
  return async ({ projection, force, dropOld, damage }: RebuildRequest & { damage?: readonly string[] }) => {
    const family = backend.families.find(({ name }) => name === projection);
    if (!family) {
      const known = backend.families.map(({ name }) => name).join(', ');
      throw new Rejection('NOT_FOUND', `projection: there is no "${projection}"; known are ${known}`, 'projection');
    }
    if (busy) throw new Rejection('LIMIT_EXCEEDED', 'a rebuild is already running');
    busy = true;
    try {
      const report = await rebuild(backend.log, family, {
        pauseLive: async () =>
          backend.shared ? holdLive(await family.live()) : { claims: null, resume: await transport.pause(family.name) },
        force,
        ...(damage && { damage }),
        signal,
      });
      if (dropOld && report.switched) {
        if (backend.shared) await sleep(othersGoOverMs);
        await dropOthers(family);
      }
      return report;
    } finally {
      busy = false;
    }
  };
}

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { Rejection } from '#libs/domain/rejection.js';
import { rawAnswer } from '../http/answer-headers.js';
import { checkSite } from '../http/http-adapter.js';
import { toHttpError } from '../http/http-errors.js';
import { createGatewayContext } from './gateway-context.js';
import type { Gateway } from './gateway.js';
import { toGraphQLError } from './gateway-schema.js';
import { readDocument } from './read-document.js';
import { SocketKeys } from './socket-keys.js';

const messageBytesMax = 1024 * 1024;
const operationsPerSocketMax = 200;
/** How long a client may take to answer that we close. */
const closeMs = 1_000;

type SocketExtra = { readonly socket: WebSocket; readonly request: IncomingMessage };

/** Subscriptions over graphql-ws on /graphql. A slow viewer holds its own source back: nothing is queued for it. */
export function openGraphqlSocket(server: Server, gateway: Gateway): { close(): Promise<void> } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytesMax,
    handleProtocols: (protocols) => pick(protocols),
  });
  const gone = new AbortController();
  const keys = new SocketKeys(gateway.auth, (error) => gateway.logger.warn('keys of sockets not checked', { error }));
  const disposable = useServer<Record<string, unknown>, SocketExtra>(
    {
      schema: gateway.schema,
      context: () => createGatewayContext(gateway, gone.signal),
      onConnect: async ({ connectionParams, extra }) => {
        const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'];
        const key = typeof given === 'string' ? given.replace(/^bearer /i, '') : undefined;
        try {
          await keys.admit(extra.socket, extra.request.headers, key);
          return true;
        } catch (error) {
          if (error instanceof Rejection) return false; // graphql-ws closes with 4403
          throw error;
        }
      },
      // whatever is wrong with one operation is an answer to that operation, never the end of its neighbours
      onSubscribe: async (context, _id, { query, variables, operationName }) => {
        // this one included, and not those that come while its key is looked at: they would refuse each other
        const running = Object.keys(context.subscriptions).length;
        try {
          await keys.check(context.extra.socket);
          if (running > operationsPerSocketMax) {
            throw new Rejection('LIMIT_EXCEEDED', `at most ${operationsPerSocketMax} operations run on one socket`);
          }
          const read = readDocument(gateway.schema, query, variables ?? {});
          if ('errors' in read) return read.errors;
          return { schema: gateway.schema, document: read.document, operationName, variableValues: variables };
        } catch (error) {
          const originalError = error as Error;
          return [error instanceof GraphQLError ? error : new GraphQLError(originalError.message, { originalError })];
        }
      },
      onError: (_context, _id, _payload, errors) => told(gateway, errors),
      onNext: (_context, _id, _payload, _args, { errors, data }) =>
        errors ? { ...(data === undefined ? {} : { data }), errors: told(gateway, errors) } : undefined,
    },
    sockets,
    12_000,
  );
  sockets.on('connection', (socket) => {
    // graphql-ws prints the first error with its stack. What a peer says is no fault of ours, and the socket is closed for it already
    socket.removeAllListeners('error').on('error', ignore);
    gateway.instruments.subscribers.inc({ kind: 'socket' });
    socket.on('close', () => {
      keys.forget(socket);
      gateway.instruments.subscribers.dec({ kind: 'socket' });
    });
  });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // before anything of it is read: the peer may be gone already, and nobody else listens any more
    socket.on('error', ignore);
    void admitted(request, gateway).then((refusal) => {
      if (refusal !== null) socket.end(refusal, () => socket.destroy());
      else if (!socket.destroyed)
        sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
    });
  };
  server.on('upgrade', upgrade);
  return {
    async close() {
      server.off('upgrade', upgrade);
      gone.abort();
      keys.close();
      const silent = setTimeout(() => {
        for (const client of sockets.clients) client.terminate();
      }, closeMs);
      await disposable.dispose();
      clearTimeout(silent);
    },
  };
}

const ignore = (): void => {};

const told = (gateway: Gateway, errors: readonly GraphQLError[]) =>
  errors.map((error) =>
    toGraphQLError(error.toJSON(), error, (cause) => gateway.logger.error('operation failed', { error: cause })),
  );

const pick = (protocols: Set<string>): string | false =>
  protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false;

/** What an upgrade that is refused is answered; null for one that may go on. Keys come later, in the first message. */
async function admitted(request: IncomingMessage, { auth, backend, logger }: Gateway): Promise<string | null> {
  try {
    const path = (request.url ?? '').split('?')[0]!.slice(0, 200);
    if (path !== '/graphql') throw new Rejection('NOT_FOUND', `there is no socket at ${path}`);
    checkSite(request.headers, backend.configuration.origins);
    // a page may have its own name resolve to this machine
    if (!auth.required) await auth.check(request.headers);
    return null;
  } catch (error) {
    const known = toHttpError(error);
    if (!known) logger.error('upgrade failed', { error });
    const { code, message } = known?.body.error ?? { code: 'INTERNAL', message: 'internal error' };
    return rawAnswer(known?.status ?? 500, 'Refused', code, message);
  }
}

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, validate, parse, specifiedRules } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { Rejection } from '#libs/domain/rejection.js';
import { createGatewayContext } from './gateway-context.js';
import type { Gateway } from './gateway.js';
import { toGraphQLError } from './gateway-schema.js';
import { queryLimitsRule } from './query-limits.js';

const messageBytesMax = 1024 * 1024;
const operationsPerSocketMax = 200;

/** Subscriptions over graphql-ws on /graphql. A slow viewer holds its own source back: nothing is queued for it. */
export function openGraphqlSocket(server: Server, gateway: Gateway): { close(): Promise<void> } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytesMax,
    handleProtocols: (protocols) => pick(protocols),
  });
  const gone = new AbortController();
  const disposable = useServer(
    {
      schema: gateway.schema,
      context: () => createGatewayContext(gateway, gone.signal),
      onConnect: async ({ connectionParams, extra }) => {
        const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization'];
        const key = typeof given === 'string' ? given.replace(/^bearer /i, '') : undefined;
        try {
          await gateway.auth.check(extra.request.headers, key);
          return true;
        } catch (error) {
          if (error instanceof Rejection) return false; // graphql-ws closes with 4403
          throw error;
        }
      },
      onSubscribe: (context, _id, { query, variables, operationName }) => {
        if (Object.keys(context.subscriptions).length > operationsPerSocketMax) {
          return [new GraphQLError(`at most ${operationsPerSocketMax} operations run on one socket`)];
        }
        const document = parse(query);
        const errors = validate(gateway.schema, document, [...specifiedRules, queryLimitsRule(variables ?? {})]);
        if (errors.length > 0) return errors;
        return { schema: gateway.schema, document, operationName, variableValues: variables };
      },
      onError: (_context, _id, _payload, errors) =>
        errors.map((error) =>
          toGraphQLError(error.toJSON(), error, (cause) =>
            gateway.logger.error('subscription failed', { error: cause }),
          ),
        ),
    },
    sockets,
    12_000,
  );
  sockets.on('connection', (socket) => {
    gateway.instruments.subscribers.inc({ kind: 'socket' });
    socket.on('close', () => gateway.instruments.subscribers.dec({ kind: 'socket' }));
  });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (path !== '/graphql' || !sameSite(request)) {
      socket.end(`HTTP/1.1 ${path === '/graphql' ? '403 Forbidden' : '404 Not Found'}\r\nConnection: close\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
  };
  server.on('upgrade', upgrade);
  return {
    async close() {
      server.off('upgrade', upgrade);
      gone.abort();
      await disposable.dispose();
    },
  };
}

const pick = (protocols: Set<string>): string | false =>
  protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false;

/** Browsers name the page that opens a socket; only our own may. Programs name none. */
function sameSite(request: IncomingMessage): boolean {
  const origin = request.headers.origin;
  if (origin === undefined) return true;
  try {
    return new URL(origin).host === request.headers.host;
  } catch {
    return false;
  }
}

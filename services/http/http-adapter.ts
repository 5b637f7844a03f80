import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply } from 'fastify';
import { Rejection } from '#libs/domain/rejection.js';
import type { Instruments } from '#libs/observability/instruments.js';
import { answerHeaders, rawAnswer } from './answer-headers.js';
import type { Auth } from './auth.js';
import { awsDoorOf, isS3Route } from './aws-answers.js';
import { foreignSite } from './foreign-site.js';
import { toHttpError } from './http-errors.js';
import { isPresigned } from './presigned.js';
import { isSigned } from './sigv4.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose request it is, to give everybody a share: a key's id, or an address where no keys are needed. */
    caller: string;
  }
}

export interface AdapterOptions {
  readonly auth: Auth;
  readonly instruments: Instruments;
  readonly origins: readonly string[];
}

/** How long a connection may take to say what it wants. What follows, the body, has its own pace (bodies.ts). */
const headersTimeoutMs = 20_000;
/** A peer that went away without a word is noticed by the kernel's own probes. */
const keepAliveProbeMs = 30_000;

/**
 * The one gate of all doors: what each answer says to browsers, who may ask from which web page, whose key it is. Bodies are read by
 * whoever knows their limits.
 */
export function createHttpAdapter({ auth, instruments, origins }: AdapterOptions): FastifyAdapter {
  const adapter = new FastifyAdapter({
    // in-flight requests are given a moment to end; the server then closes what is left
    forceCloseConnections: 'idle',
    keepAliveTimeout: 75_000,
    routerOptions: { maxParamLength: 2_000 },
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: 5_000,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveProbeMs,
    },
    clientErrorHandler: answerUnreadable,
    // an address that is none never reaches a route, nor its hooks
    frameworkErrors: (error: FastifyError, _request: unknown, reply: unknown) => {
      const message = `the address of the request can't be read: ${error.message.slice(0, 200)}`;
      void (reply as FastifyReply)
        .status(error.statusCode ?? 400)
        .headers({ ...answerHeaders, connection: 'close' })
        .send({ error: { code: 'INVALID_ARGUMENT', message } });
    },
  });
  const fastify = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null));
  fastify.decorateRequest('caller', '');
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.headers(answerHeaders);
    if (isOpen(request.method, request.routeOptions.url)) return;
    try {
      const { origin } = request.headers;
      checkSite(request.headers, origins);
      if (origin !== undefined && origins.includes(origin)) {
        allowOrigin(reply, origin);
        // a browser asks first, without a key
        if (request.method === 'OPTIONS') return await reply.status(204).send();
      }
      const { headers, raw } = request;
      const inQuery = isS3Route(request.routeOptions.url) && isPresigned(request.url);
      const key =
        inQuery || isSigned(headers.authorization)
          ? await auth.checkSigned(raw, awsDoorOf(request.routeOptions.url)?.bodyIsRead === true)
          : await auth.check(headers);
      request.caller = key ?? request.ip;
    } catch (error) {
      const known = awsDoorOf(request.routeOptions.url)?.refuse(error) ?? toHttpError(error);
      if (!known) throw error;
      // the refused body is not read: what follows on this connection could not be told from it
      await reply.status(known.status).headers(known.headers).header('connection', 'close').send(known.body);
    }
  });
  fastify.addHook('onResponse', async (request, reply) => {
    instruments.httpRequests.inc({ route: request.routeOptions.url ?? 'none', status: String(reply.statusCode) });
  });
  return adapter;
}

export function checkSite(headers: IncomingHttpHeaders, origins: readonly string[]): void {
  const foreign = foreignSite(headers, origins);
  if (foreign === null) return;
  throw new Rejection(
    'FORBIDDEN',
    `origin: a page of ${foreign.slice(0, 200)} may not ask this server; RUNSTREAM_ORIGINS lists those that may`,
    'origin',
  );
}

function allowOrigin(reply: FastifyReply, origin: string): void {
  void reply.headers({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers':
      'authorization, content-type, content-encoding, apollo-require-preflight, upload-offset, range, x-clickhouse-key, x-clickhouse-user',
    'access-control-expose-headers': 'upload-offset, content-range, retry-after',
    'access-control-max-age': '600',
    vary: 'origin',
  });
}

/**
 * What needs no key: health, and the dashboard's and the SDKs' own files, which hold no data (the page asks for a key by itself). Decided by the route that
 * answers, not by the address as it was written.
 */
function isOpen(method: string, route: string | undefined): boolean {
  if (route === undefined) return false;
  if (route === storageRoute && method === 'PUT') return true;
  if (method !== 'GET' && method !== 'HEAD') return false;
  return (
    openRoutes.has(route) ||
    route.startsWith('/assets/') ||
    route.startsWith('/sdk/') ||
    pageRoutes.some((page) => page === route || `${page}/*` === route)
  );
}
/** The address of a file of W&B's clients is a permission by itself, checked where it is used. */
const storageRoute = '/wandb/storage/*';
const openRoutes = new Set([
  ...['/healthz', '/readyz', '/', '/index.html', '/t/:tenant', '/t/:tenant/', storageRoute],
  // what W&B's clients print only leads to our pages
  ...['/wandb/:entity/:project', '/wandb/:entity/:project/runs/:run'],
]);
/** Addresses of the single page. */
export const pageRoutes: readonly string[] = ['/runs', '/projects', '/compare', '/sql', '/models', '/settings'];

/** What is no HTTP, or too much of it, or never comes: said as far as the connection still takes it. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, code, message] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ([408, 'Request Timeout', 'TOO_SLOW', `no request came within ${headersTimeoutMs} ms`] as const)
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ([431, 'Request Header Fields Too Large', 'TOO_LARGE', 'the headers of the request are too large'] as const)
        : ([400, 'Bad Request', 'INVALID_ARGUMENT', 'this is not HTTP'] as const);
  socket.end(rawAnswer(status, reason, code, message), () => socket.destroy());
}

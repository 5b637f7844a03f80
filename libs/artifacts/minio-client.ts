import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import { Client, S3Error } from 'minio';
import type { S3Address } from '#libs/config/s3-address.js';
import { Rejection, Unavailable } from '#libs/domain/rejection.js';

/** A connection on which nothing moves for this long is given up: a hung store must not hold its callers for ever. */
const silenceMsMax = 60_000;
const socketsMax = 64;

function agentOf(secure: boolean): HttpAgent {
  const options: AgentOptions = { keepAlive: true, maxSockets: socketsMax, scheduling: 'lifo' };
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (...args) => {
    const socket = connect(...args);
    if (socket instanceof Socket) {
      socket.setTimeout(silenceMsMax, () => socket.destroy(new Error(`no answer in ${silenceMsMax / 1_000} s`)));
    }
    return socket;
  };
  return agent;
}

export interface OpenedClient {
  readonly client: Client;
  close(): void;
}

export function openMinioClient(address: S3Address, endpoint = address.endpoint): OpenedClient {
  const url = new URL(endpoint);
  const secure = url.protocol === 'https:';
  const agent = agentOf(secure);
  const client = new Client({
    endPoint: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    useSSL: secure,
    accessKey: address.accessKey,
    secretKey: address.secretKey,
    ...(address.sessionToken === null ? {} : { sessionToken: address.sessionToken }),
    region: address.region,
    pathStyle: address.pathStyle,
    transportAgent: agent,
    retryOptions: { maximumRetryCount: 3, baseDelayMs: 100, maximumDelayMs: 1_000 },
  });
  return { client, close: () => agent.destroy() };
}

export const isMissing = (error: unknown): boolean =>
  error instanceof S3Error && ['NoSuchKey', 'NotFound', 'NoSuchUpload'].includes(error.code ?? '');

/** Somebody else wrote an object under a name that only the first may take. */
export const isTaken = (error: unknown): boolean =>
  error instanceof S3Error && ['PreconditionFailed', 'ConditionalRequestConflict'].includes(error.code ?? '');

/** What the store did not do, as `Unavailable`: callers may try again. What we or the caller's stream did wrong stays as it is. */
export function unavailable(error: unknown): unknown {
  if (error instanceof Rejection || error instanceof Unavailable) return error;
  if (!(error instanceof Error)) return error;
  const code = error instanceof S3Error ? (error.code ?? '') : ((error as NodeJS.ErrnoException).code ?? '');
  if (!(error instanceof S3Error) && !networkErrors.has(code) && !/no answer in \d+ s/.test(error.message))
    return error;
  const full = /Full|Quota|InsufficientStorage/i.test(code);
  const refused = ['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch'].includes(code);
  const hint = full
    ? 'Free some space and try again'
    : refused
      ? 'Check the credentials and their rights'
      : 'Try again';
  const what = full ? 'S3 is full' : refused ? 'S3 refused us' : 'S3 failed';
  return new Unavailable(`artifacts: ${what} (${code}: ${error.message}). ${hint}`, full || refused ? 10_000 : 1_000, {
    cause: error,
  });
}

/** Errors of our side of the connection. A caller that breaks off has the same codes: `callerFailed` tells them apart. */
const networkErrors: ReadonlySet<string> = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_SOCKET',
]); // prettier-ignore

/** The stream that somebody sends us broke: not the store's failure, so it is passed on unchanged. */
export class CallerFailed extends Error {
  override readonly name = 'CallerFailed';
}

/** The error to show: the caller's own, or the store's as `Unavailable`. */
export const told = (error: unknown): unknown => (error instanceof CallerFailed ? error.cause : unavailable(error));

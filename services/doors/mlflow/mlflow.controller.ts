import { All, Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Logger } from '#libs/observability/logger.js';
import { eventsBounds, type Bodies, type Body } from '../../http/bodies.js';
import { discardRest } from '../../http/discard-rest.js';
import type { Gateway } from '../../gateway/gateway.js';
import { outerAddress } from '../../http/outer-address.js';
import { regionOf } from '../../http/sigv4.js';
import { BACKEND, BODIES, GATEWAY, LOGGER } from '../../tokens.js';
import {
  checkPath,
  modelFile,
  pathOf,
  presignedDownload,
  putFile,
  removeFiles,
  runFile,
  sendFile,
  versionFile,
} from './artifacts.js';
import type { Answer, Call } from './call.js';
import { CommandLog } from '../shared/command-log.js';
import { Tenants } from '../shared/tenant.js';
import { source, World } from './world.js';
import { Fields } from './fields.js';
import { MlflowError, invalid, toMlflowError } from './mlflow-error.js';
import { multipart } from './multipart.js';
import { presignedUpload, type Asking } from './presigned-upload.js';
import { findRoute } from './routes.js';
import { fromObjects, storedFilter, tenantOfServer, toObjects } from './sagemaker-server.js';
import { logSpans } from './spans.js';

/** The MLflow version whose protocol is spoken: clients ask for it before they send traces. */
const spokenVersion = '3.17.2';
const artifactsPrefix = '/mlflow-artifacts/artifacts/';
const presignedPrefix = '/mlflow-artifacts/presigned/';
/** Calls are of some hundred fields; exports of spans of more. */
const callBounds = { ...eventsBounds, valuesMax: 300_000 };
/** The browser of MLflow's own page uploads no more. */
const uploadBytesMax = 10 * 1024 * 1024;

const roots = ['api', 'ajax-api'].flatMap((api) => [`${api}/2.0/*`, `${api}/3.0/*`]);
const tracesPath = '/v1/traces';
const pages = ['v1/traces', 'get-artifact', 'model-versions/get-artifact', 'health', 'version'];
const routes = [...roots, ...pages].flatMap((path) => [path, `t/:world/${path}`]);

/** Everything that MLflow's clients ask a tracking server, for everybody and under /t/<name> for a tenant. */
@Controller()
export class MlflowController {
  private readonly tenants: Tenants<World>;

  constructor(
    @Inject(BACKEND) backend: Backend,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(BODIES) private readonly bodies: Bodies,
    @Inject(GATEWAY) private readonly gateway: Gateway,
  ) {
    const log = new CommandLog(backend, source);
    this.tenants = new Tenants((name) => new World(name, backend, log));
  }

  @All(routes)
  async any(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    try {
      await this.dispatch(this.read(request), request, reply);
    } catch (error) {
      // who sends too slowly is not waited for again
      if (!(error instanceof Rejection && error.code === 'TOO_SLOW')) await discardRest(request.raw);
      this.refuse(error, request, reply);
    }
  }

  private read(request: FastifyRequest): Asked {
    const [whole = '', search = ''] = request.url.split(/\?(.*)/s);
    const tenant = /^\/t\/([^/]*)(\/.*)$/s.exec(whole);
    const rest = tenant ? tenant[2]! : whole;
    const path = rest.replace(/^\/(?:ajax-)?api\/[23]\.0(?=\/)/, '');
    // the path that an endpoint was given says more than the name of a server that it stands for
    const server = tenantOfServer(request.headers);
    const world = this.tenants.get(tenant?.[1] ?? server ?? '');
    const query = new URLSearchParams(search);
    const inObjects = server !== null;
    if (inObjects && query.has('filter')) query.set('filter', storedFilter(query.get('filter')!, world.name));
    return { world, path, query, inObjects };
  }

  private async dispatch(asked: Asked, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { world, path, query } = asked;
    const { method } = request;
    if (path === '/health' || path === '/version') {
      await reply.type('text/plain').send(path === '/health' ? 'OK' : spokenVersion);
      return;
    }
    if (path === tracesPath && method === 'POST') return this.spans(world, request, reply);
    if (path.startsWith(artifactsPrefix)) return this.file(world, path.slice(artifactsPrefix.length), request, reply);
    if (path.startsWith(presignedPrefix) && method === 'GET') {
      const answer = await presignedDownload(world, pathOf(path.slice(presignedPrefix.length)));
      await reply.type('application/json').send(JSON.stringify(answer));
      return;
    }
    if (path === '/mlflow/artifacts/presigned-upload-url' && !asked.inObjects)
      throw new MlflowError('NOT_IMPLEMENTED', 'Presigned URLs are not supported for the current artifact repository');
    const call = (fields: Fields, parts: readonly string[] = [], body: Uint8Array = new Uint8Array(0)): Call => ({
      world,
      fields,
      path: parts,
      body,
    });
    const part = method === 'POST' ? /^\/mlflow-artifacts\/mpu\/(create|complete|abort)\/(.+)$/s.exec(path) : null;
    if (part) {
      const path = pathOf(part[2]!);
      return this.bodies.use(request.raw, callBounds, async (body) => {
        const answer = await multipart(call(await fieldsOf(body, asked), [part[1]!, path]));
        await reply.type('application/json').send(JSON.stringify(answer));
      });
    }
    const file = await this.fileOf(method, path, call(Fields.fromQuery(query)));
    if (file !== null) return sendFile(world, file, reply, method === 'HEAD');
    if (method === 'POST' && path === '/mlflow/upload-artifact')
      return this.upload(call(Fields.fromQuery(query)), request, reply);
    if (method === 'POST' && path === '/mlflow/artifacts/presigned-upload-url')
      return this.bodies.use(request.raw, callBounds, async (body) => {
        const answer = await presignedUpload(call(await fieldsOf(body, asked)), this.asking(request));
        await reply.type('application/json').send(JSON.stringify(answer));
      });
    const route = findRoute(method === 'HEAD' ? 'GET' : method, path);
    if (!route) throw new MlflowError('ENDPOINT_NOT_FOUND', `${method} ${path} is not an endpoint of this server`);
    if (method === 'GET' || method === 'HEAD') {
      await told(reply, asked, await route.handler(call(Fields.fromQuery(query), route.path)));
      return;
    }
    await this.bodies.use(request.raw, callBounds, async (body) => {
      await told(reply, asked, await route.handler(call(await fieldsOf(body, asked), route.path, body.bytes)));
    });
  }

  /** The file that a browser asks for by what it belongs to; null for other addresses. */
  private async fileOf(method: string, path: string, call: Call): Promise<string | null> {
    if (method !== 'GET' && method !== 'HEAD') return null;
    if (path === '/get-artifact') return runFile(call);
    if (path === '/model-versions/get-artifact') return versionFile(call);
    const model = /^\/mlflow\/logged-models\/([^/]+)\/artifacts\/files$/.exec(path)?.[1];
    return model === undefined ? null : modelFile({ ...call, path: [model] });
  }

  private asking(request: FastifyRequest): Asking {
    return {
      auth: this.gateway.auth,
      caller: request.caller,
      base: outerAddress(request),
      host: request.headers.host ?? '',
      region: regionOf(request.headers.authorization),
    };
  }

  private async file(world: World, encoded: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const path = pathOf(encoded);
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return sendFile(world, path, reply, request.method === 'HEAD');
      case 'PUT':
        await putFile(world, path, request);
        break;
      case 'DELETE':
        await removeFiles(world, path);
        break;
      default:
        throw new MlflowError('ENDPOINT_NOT_FOUND', `${request.method} of an artifact is not understood`);
    }
    await reply.type('application/json').send('{}');
  }

  /** OpenTelemetry's own protocol, in either of its encodings. */
  private async spans(world: World, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const header = (name: string): string => {
      const value = request.headers[name];
      return typeof value === 'string' ? value.trim() : '';
    };
    const type = header('content-type').split(';')[0]!.trim().toLowerCase();
    if (type !== 'application/x-protobuf' && type !== 'application/json')
      throw new MlflowError(
        'INVALID_PARAMETER_VALUE',
        `Invalid Content-Type: ${type}. Expected: application/x-protobuf or application/json`,
      );
    const json = type === 'application/json';
    const [experiment, run] = [header('x-mlflow-experiment-id'), header('x-mlflow-run-id')];
    await this.bodies.use(request.raw, eventsBounds, async (body) => {
      const sent = json ? await exportOf(body) : null;
      await logSpans(world, { experiment, run, json: sent, body: body.bytes });
    });
    await reply.type(type).send(json ? '{}' : Buffer.alloc(0));
  }

  private async upload(call: Call, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (Number(request.headers['content-length'] ?? NaN) > uploadBytesMax)
      throw new MlflowError(
        'INVALID_PARAMETER_VALUE',
        `Artifact size is too large. Max size is ${uploadBytesMax} bytes`,
      );
    const path = await runFile(call);
    await putFile(call.world, checkPath(path), request);
    await reply.type('application/json').send('{}');
  }

  private refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const known = toMlflowError(error);
    if (reply.raw.headersSent || !known) throw error;
    // a body that was refused half-read must not be taken for the next request on this connection
    if (!request.raw.complete) void reply.header('connection', 'close');
    if (known.status === 429 || known.status === 503)
      void reply.header('retry-after', String(Math.max(1, Math.ceil((known.retryAfterMs ?? 1_000) / 1_000))));
    if (known.status >= 500) this.logger.warn('MLflow request not served', { path: request.url, error: known.message });
    void reply
      .status(known.status)
      .type('application/json')
      .send(JSON.stringify({ error_code: known.code, message: known.message }));
  }
}

interface Asked {
  readonly world: World;
  readonly path: string;
  readonly query: URLSearchParams;
  /** By a client to which our files are objects of S3. */
  readonly inObjects: boolean;
}
async function told(reply: FastifyReply, { world, inObjects }: Asked, answer: Answer): Promise<void> {
  const said = inObjects ? toObjects(answer, world.name) : answer;
  await reply.type('application/json').send(JSON.stringify(said));
}

async function fieldsOf(body: Body, { world, inObjects }: Asked): Promise<Fields> {
  if (body.bytes.length === 0 || body.bytes.toString('latin1', 0, 1_000).trim() === '') return new Fields({});
  try {
    const json = await body.json();
    return Fields.fromJson(inObjects ? fromObjects(json, world.name) : json, callBounds);
  } catch (error) {
    if (!(error instanceof Rejection && error.code === 'INVALID_ARGUMENT')) throw error;
    // also of a bare NaN, of which MLflow itself drops the rest of the batch in silence
    throw new MlflowError('BAD_REQUEST', `The request body is not valid JSON: ${error.message}`);
  }
}

async function exportOf(body: Body): Promise<unknown> {
  try {
    return await body.json();
  } catch (error) {
    if (!(error instanceof Rejection && error.code === 'INVALID_ARGUMENT')) throw error;
    throw invalid(`Invalid OpenTelemetry format: ${error.message}`);
  }
}

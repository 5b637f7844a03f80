import { randomUUID } from 'node:crypto';
import { Controller, Inject, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Logger } from '#libs/observability/logger.js';
import { awsJsonError, jsonPaths, metricPaths, toAwsError } from '../../http/aws-answers.js';
import { AwsError } from '../../http/aws-error.js';
import { queryBounds, type Bodies, type Body } from '../../http/bodies.js';
import { discardRest } from '../../http/discard-rest.js';
import { regionOf } from '../../http/sigv4.js';
import { BACKEND, BODIES, LOGGER } from '../../tokens.js';
import { CommandLog } from '../shared/command-log.js';
import { Tenants } from '../shared/tenant.js';
import { writeArn } from './arns.js';
import type { Answer, Call } from './call.js';
import { Once } from './once.js';
import { isOperation, isRead, perform } from './routes.js';
import { SageMakerWorld, source } from './world.js';

/** Three hundred parameters of 2,500 characters, and all the rest. */
const bounds = { ...queryBounds, bytesMax: 4 * 1024 * 1024, inflatedBytesMax: 4 * 1024 * 1024 };

/** SageMaker's API for experiments in both of its protocols: AWS JSON 1.1 by target, and REST for metrics. */
@Controller()
export class SageMakerController {
  private readonly tenants: Tenants<SageMakerWorld>;
  private readonly once = new Once<Answer>();

  constructor(
    @Inject(BACKEND) backend: Backend,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(BODIES) private readonly bodies: Bodies,
  ) {
    const log = new CommandLog(backend, source);
    this.tenants = new Tenants((name) => new SageMakerWorld(name, backend, log));
  }

  @Post([...jsonPaths])
  json(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const target = request.headers['x-amz-target'];
    const below = (request.params as { readonly '*'?: string })['*'] ?? '';
    const named = typeof target === 'string' && target.startsWith('SageMaker.') && below === '';
    const name = named ? target.slice(10) : '';
    return this.answer(name, 'application/x-amz-json-1.1', request, reply);
  }

  @Put([...metricPaths])
  put(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(
      lastOf(request) === 'BatchPutMetrics' ? 'BatchPutMetrics' : '',
      'application/json',
      request,
      reply,
    );
  }
  @Post([...metricPaths])
  get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(
      lastOf(request) === 'BatchGetMetrics' ? 'BatchGetMetrics' : '',
      'application/json',
      request,
      reply,
    );
  }

  private async answer(name: string, type: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    try {
      // before anything is believed: a signature may stand or fall with the body
      const answer = await this.bodies.use(request.raw, bounds, (body) => this.perform(name, request, body));
      await reply.status(200).type(type).header('x-amzn-requestid', randomUUID()).send(JSON.stringify(answer));
    } catch (error) {
      // who sends too slowly is not waited for again
      if (!(error instanceof Rejection && error.code === 'TOO_SLOW')) await discardRest(request.raw);
      this.refuse(error, request, reply);
    }
  }

  private async perform(name: string, request: FastifyRequest, body: Body): Promise<Answer> {
    if (!isOperation(name)) throw new AwsError('UnknownOperationException', 'This operation is not known here.');
    const json = body.bytes.length === 0 ? {} : await readJson(body);
    const call = this.callOf(request);
    const work = (): Promise<Answer> => perform(name, call, json, body.bytes);
    return isRead(name)
      ? work()
      : this.once.do(`${call.world.name} ${call.caller} ${name}`, call.invocation, body.bytes, work);
  }

  private callOf({ headers, caller, params }: FastifyRequest): Call {
    const world = this.tenants.get((params as { readonly world?: string }).world ?? '');
    const invocation = headers['amz-sdk-invocation-id'];
    const region = regionOf(headers.authorization);
    return {
      ...{ world, region, caller },
      invocation: typeof invocation === 'string' && /^[\x21-\x7e]{1,64}$/.test(invocation) ? invocation : '',
      arnOf: (kind, name) => writeArn(region, world.account, kind, name),
    };
  }

  private refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const known = toAwsError(error);
    if (reply.raw.headersSent || !known) throw error;
    // a body that was refused half-read must not be taken for the next request on this connection
    if (!request.raw.complete) void reply.header('connection', 'close');
    if (known.status >= 500) this.logger.warn('SageMaker request not served', { error: known.message });
    const { status, headers, body } = awsJsonError(known);
    void reply.status(status).headers(headers).send(JSON.stringify(body));
  }
}

const lastOf = ({ url }: FastifyRequest): string => url.split('?')[0]!.split('/').at(-1)!;

async function readJson(body: Body): Promise<unknown> {
  try {
    return await body.json();
  } catch (error) {
    if (!(error instanceof Rejection && error.code === 'INVALID_ARGUMENT')) throw error;
    throw new AwsError('SerializationException', error.message);
  }
}

import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { RebuildReport } from '#libs/projecting/rebuild.js';
import { commandBounds, type Bodies } from '../http/bodies.js';
import { BACKEND, BODIES, REBUILD } from '../tokens.js';
import { createAwsPair, createKey, revokeKey } from './api-keys.js';

export interface RebuildRequest {
  readonly projection: string;
  readonly force: boolean;
  readonly dropOld: boolean;
}
export type Rebuild = (request: RebuildRequest) => Promise<RebuildReport>;

/** What the command line asks of a running server, which owns the data folder. Behind the same keys as everything else. */
@Controller('v1/admin')
export class AdminController {
  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(REBUILD) private readonly rebuild: Rebuild,
    @Inject(BODIES) private readonly bodies: Bodies,
  ) {}

  @Post('rebuild')
  async rebuildProjection(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { projection, force, dropOld } = await this.readJson(request);
    if (typeof projection !== 'string')
      throw new Rejection('INVALID_ARGUMENT', 'projection: must be a string', 'projection');
    await reply.send(await this.rebuild({ projection, force: force === true, dropOld: dropOld === true }));
  }

  @Post('keys')
  async create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { name, kind } = await this.readJson(request);
    const create = kind === 'aws' ? createAwsPair : createKey;
    await reply.status(201).send(await create(this.backend, typeof name === 'string' ? name : ''));
  }

  @Post('keys/revoke')
  async revoke(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { keyId } = await this.readJson(request);
    if (typeof keyId !== 'string') throw new Rejection('INVALID_ARGUMENT', 'keyId: must be a string', 'keyId');
    await revokeKey(this.backend, keyId);
    await reply.status(204).send();
  }

  @Post('keys/list')
  async list(@Res() reply: FastifyReply): Promise<void> {
    const keys = await this.backend.runTable.apiKeys();
    await reply.send(keys.map(({ keyId, name, createdAt }) => ({ keyId, name, createdAt })));
  }

  private async readJson(request: FastifyRequest): Promise<Record<string, unknown>> {
    const type = request.headers['content-type'] ?? '';
    // a plain form of another site can't send this type without asking first
    if (!type.startsWith('application/json'))
      throw new Rejection('INVALID_ARGUMENT', 'content-type: must be application/json', 'content-type');
    const json = await this.bodies.use(request.raw, commandBounds, (body) => body.json());
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
    throw new Rejection('INVALID_ARGUMENT', 'body: must be a JSON object', 'body');
  }
}

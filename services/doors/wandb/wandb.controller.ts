import type { Readable } from 'node:stream';
import { text as readText } from 'node:stream/consumers';
import { All, Controller, Get, Head, Inject, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ArtifactStat } from '#libs/artifacts/artifact-store.js';
import type { Backend } from '#libs/backend/backend.js';
import type { Instruments } from '#libs/observability/instruments.js';
import type { Logger } from '#libs/observability/logger.js';
import { Rejection } from '#libs/domain/rejection.js';
import type { Gateway } from '../../gateway/gateway.js';
import { logged } from '../../http/answer-headers.js';
import { artifactBody } from '../../http/artifact-body.js';
import type { Bodies } from '../../http/bodies.js';
import { prefixOf } from '../../http/dashboard.js';
import { outerAddress } from '../../http/outer-address.js';
import { mimeOf } from '../shared/mime.js';
import { BACKEND, BODIES, GATEWAY, INSTRUMENTS, LOGGER } from '../../tokens.js';
import { CommandLog } from '../shared/command-log.js';
import { Tenants } from '../shared/tenant.js';
import { readRange } from '../../gateway/artifacts.controller.js';
import { Alerts } from './alerts.js';
import { answerGraphql } from './answer-graphql.js';
import { knownContents, putContent } from './artifacts/artifact-contents.js';
import { artifactReads } from './artifacts/artifact-reads.js';
import { putManifest } from './artifacts/upload-artifact.js';
import type { Call } from './call.js';
import { checkProject, checkRunName, subjectOf, tenantOf } from './entities.js';
import { readyCells, takeFileStream } from './file-stream.js';
import { RunFiles } from './run-files.js';
import { RunStreams } from './run-streams.js';
import { Storage, type Permit } from './storage.js';
import { Unknowns } from './unknowns.js';
import { Upserts } from './upsert-bucket.js';
import { source, World } from './world.js';

const mebibyte = 1024 * 1024;
/** A client's request holds up to 10 MiB of lines, which as JSON within JSON are more. */
const streamBounds = { bytesMax: 64 * mebibyte, inflatedBytesMax: 64 * mebibyte, valuesMax: 1_000_000 };
const graphqlBounds = { bytesMax: 32 * mebibyte, inflatedBytesMax: 32 * mebibyte, valuesMax: 200_000 };

/** A larger table is shown as the file that it is. */
const tableBytesMax = mebibyte;

interface StreamPath {
  readonly entity: string;
  readonly project: string;
  readonly run: string;
}

/** Everything that W&B's clients ask a server, below /wandb and where they ignore the path of its address. */
@Controller()
export class WandbController {
  private readonly log: CommandLog;
  private readonly tenants: Tenants<World>;
  private readonly streams = new RunStreams();
  private readonly upserts = new Upserts(this.streams);
  private readonly files = new RunFiles();
  private readonly alerts = new Alerts();
  private readonly storage: Storage;
  private readonly unknowns: Unknowns;

  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(BODIES) private readonly bodies: Bodies,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(INSTRUMENTS) instruments: Instruments,
  ) {
    this.log = new CommandLog(backend, source);
    this.tenants = new Tenants((name) => new World(name, backend, this.log));
    this.storage = new Storage(backend, gateway.authRequired);
    this.unknowns = new Unknowns(instruments.registry, logger);
  }

  @Post('wandb/graphql')
  async graphql(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const call = this.call(request);
    const answer = await this.bodies.use(request.raw, graphqlBounds, async (body) =>
      answerGraphql(await body.json(), call, this.unknowns.count),
    );
    await reply.status(200).type('application/json').send(JSON.stringify(answer));
  }

  @Post(['wandb/files/:entity/:project/:run/file_stream', 'files/:entity/:project/:run/file_stream'])
  async fileStream(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const path = request.params as StreamPath;
    const world = this.tenants.get(tenantOf(path.entity));
    const subject = subjectOf(world.name, checkProject(path.project), checkRunName(path.run));
    const client = headerOf(request, 'x-wandb-async-client-id');
    const answer = await this.bodies.use(request.raw, streamBounds, async (body) => {
      const json = await body.json();
      const stream = await this.streams.open(world, subject, client);
      return stream.inTurn(async () => {
        try {
          return await takeFileStream(world, stream, json);
        } catch (error) {
          if (!(error instanceof Rejection && error.code === 'INVALID_ARGUMENT')) this.streams.forget(stream);
          throw error;
        }
      });
    });
    if (answer.refused)
      this.logger.warn('lines of a W&B client were refused', { run: subject, refused: answer.refused });
    await reply.status(200).type('application/json').send(JSON.stringify(answer));
  }

  @Put('wandb/storage/*')
  async put(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const permit = await this.permitOf(request);
    if (permit.may === 'get') throw new Rejection('FORBIDDEN', 'storage: this address is for reading', 'storage');
    const length = request.headers['content-length'];
    const body = artifactBody(request.raw, this.backend.configuration.artifactBytesMax);
    const world = this.tenants.get(permit.world);
    const size = length === undefined ? null : Number(length);
    const etag = await this.keep(world, permit, body, size);
    await reply.status(200).header('etag', `"${etag}"`).type('application/json').send('{}');
  }

  private async keep(
    world: World,
    permit: Exclude<Permit, { may: 'get' }>,
    body: Readable,
    size: number | null,
  ): Promise<string> {
    if (permit.may === 'content') return (await putContent(world, permit.md5, body, size)).digest;
    if (permit.may === 'manifest') return putManifest(world, permit, body);
    const { digest, sizeBytes } = await this.files.put(world, permit.run, permit.name, body, size);
    if (permit.name.startsWith('media/')) await this.shown(world, permit, { digest, sizeBytes });
    return digest;
  }

  /** A file may be what a cell of the history has waited for. */
  private async shown(
    world: World,
    { run, name }: { readonly run: string; readonly name: string },
    { digest, sizeBytes }: ArtifactStat,
  ): Promise<void> {
    const table = name.endsWith('.table.json') && sizeBytes <= tableBytesMax;
    const text = table ? await readText(await this.backend.artifactStore.get(digest)) : '';
    for (const stream of this.streams.ofRun(run))
      await stream.inTurn(async () => {
        stream.waiting.uploaded(name, { digest, sizeBytes, text });
        try {
          await world.log.tell(...readyCells(stream, this.backend.clock()));
        } catch (error) {
          this.streams.forget(stream);
          throw error;
        }
      });
  }

  @Head('wandb/storage/*')
  async head(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.get(request, reply);
  }

  @Get('wandb/storage/*')
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const permit = await this.permitOf(request);
    if (permit.may !== 'get') throw new Rejection('FORBIDDEN', 'storage: this address is for writing', 'storage');
    await this.send(request, reply, permit.digest, permit.name);
  }

  /** Where clients look for a file of an artifact when its address is not good any more. */
  @Get(['wandb/artifactsV2/:region/:entity/:project/:collection/:birth/:md5/:name', 'wandb/artifacts/:entity/:md5'])
  async content(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { entity, md5 = '', name = 'file' } = request.params as Partial<Record<'entity' | 'md5' | 'name', string>>;
    const file = (await knownContents(this.tenants.get(tenantOf(entity)), [md5])).get(md5);
    if (!file) throw new Rejection('NOT_FOUND', `there is no file with the MD5 ${md5.slice(0, 40)}`, 'md5');
    await this.send(request, reply, file.digest, name);
  }

  private async send(request: FastifyRequest, reply: FastifyReply, digest: string, name: string): Promise<void> {
    const { artifactStore } = this.backend;
    const stat = await artifactStore.stat(digest);
    if (!stat) throw new Rejection('NOT_FOUND', `artifact ${digest} is not there`, 'digest');
    const range = readRange(request.headers.range, stat.sizeBytes);
    if (range === 'unsatisfiable') {
      await reply.status(416).header('content-range', `bytes */${stat.sizeBytes}`).send();
      return;
    }
    const { start, end } = range ?? { start: 0, end: stat.sizeBytes };
    void reply
      .status(range ? 206 : 200)
      .headers(logged)
      .header('accept-ranges', 'bytes')
      .header('content-type', mimeOf(name))
      .header('content-length', String(end - start));
    if (range) void reply.header('content-range', `bytes ${start}-${end - 1}/${stat.sizeBytes}`);
    await reply.send(request.method === 'HEAD' ? undefined : await artifactStore.get(digest, range ?? undefined));
  }

  /** Addresses that clients print: the pages of ours that show the same. */
  @Get(['wandb/:entity/:project', 'wandb/:entity/:project/runs/:run'])
  async page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { entity, project, run } = request.params as Partial<StreamPath>;
    const tenant = tenantOf(entity);
    const title = checkProject(project ?? '');
    const subject = run === undefined ? null : subjectOf(tenant, title, checkRunName(run));
    const key = tenant === '' ? title : `${tenant}:${title}`;
    const place = subject === null ? `/projects/${encodeURIComponent(key)}` : `/runs/${encodeURIComponent(subject)}`;
    await reply.redirect(`${prefixOf(request.headers['x-forwarded-prefix'])}${place}`, 302);
  }

  /** What a client may find missing: it goes on without. */
  @All('wandb/*')
  async other(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const message = `${request.method} ${request.url.split('?')[0]!.slice(0, 500)} is not an address of this server`;
    await reply.status(404).send({ error: { code: 'NOT_FOUND', message } });
  }

  private async permitOf(request: FastifyRequest) {
    if (!this.gateway.authRequired) await this.gateway.auth.check(request.headers);
    return this.storage.read((request.params as { '*': string })['*']);
  }

  private call(request: FastifyRequest): Call {
    return {
      gateway: this.gateway,
      tenants: this.tenants,
      streams: this.streams,
      upserts: this.upserts,
      files: this.files,
      storage: this.storage,
      alerts: this.alerts,
      artifacts: artifactReads,
      keyId: this.gateway.authRequired ? request.caller : null,
      client: headerOf(request, 'x-wandb-client-id'),
      base: `${outerAddress(request)}/wandb`,
    };
  }
}

const headerOf = (request: FastifyRequest, name: string): string => {
  const value = request.headers[name];
  return typeof value === 'string' ? value.slice(0, 200) : '';
};

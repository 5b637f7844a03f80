import type { Readable } from 'node:stream';
import { Controller, Get, Head, Inject, Param, Patch, Post, Put, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ArtifactLinks } from '#libs/artifacts/artifact-store.js';
import type { Backend } from '#libs/backend/backend.js';
import { Rejection } from '#libs/domain/rejection.js';
import { logged } from '../http/answer-headers.js';
import { commandBounds, type Bodies } from '../http/bodies.js';
import { artifactBody } from '../http/artifact-body.js';
import { BACKEND, BODIES } from '../tokens.js';

/** Long enough to begin a transfer; one that runs goes on. */
const urlGoodForS = 900;

/** Artifact bytes: streamed both ways, by digest, resumable, with ranges. What they mean is in the log. */
@Controller('v1/artifacts')
export class ArtifactsController {
  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(BODIES) private readonly bodies: Bodies,
  ) {}

  @Head('uploads/:id')
  async uploaded(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const bytes = await this.backend.artifactStore.uploadedBytes(id);
    await reply.header('upload-offset', String(bytes)).header('cache-control', 'no-store').status(200).send();
  }

  @Patch('uploads/:id')
  async append(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const said = request.headers['upload-offset'];
    const offset = Number(said);
    if (typeof said !== 'string' || !/^\d+$/.test(said) || !Number.isSafeInteger(offset)) {
      throw new Rejection(
        'INVALID_ARGUMENT',
        'upload-offset: the header must say at which byte the body begins',
        'upload-offset',
      );
    }
    const bytes = await this.backend.artifactStore.append(id, offset, this.#body(request, offset));
    await reply.header('upload-offset', String(bytes)).status(204).send();
  }

  @Post('uploads/:id/complete')
  async complete(@Param('id') id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const stat = await this.backend.artifactStore.complete(id, await this.#digest(request));
    await reply.status(201).send(stat);
  }

  /** Where to PUT the whole upload at once, straight into the store; `complete` then checks it as any other. */
  @Post('uploads/:id/url')
  async uploadUrl(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const url = await this.#links().upload(id, urlGoodForS);
    await this.#sendUrl(reply, 'PUT', url);
  }

  /** Where to GET an artifact straight from the store. */
  @Get(':digest/url')
  async downloadUrl(
    @Param('digest') digest: string,
    @Query('name') name: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const url = await this.#links().download(digest, urlGoodForS, name ?? digest.slice(7, 19));
    await this.#sendUrl(reply, 'GET', url);
  }

  #body(request: FastifyRequest, offset = 0): Readable {
    return artifactBody(request.raw, this.backend.configuration.artifactBytesMax, offset);
  }

  async #digest(request: FastifyRequest): Promise<string> {
    const json = await this.bodies.use(request.raw, commandBounds, (body) => body.json());
    const { digest } = (json ?? {}) as { digest?: unknown };
    if (typeof digest === 'string') return digest;
    throw new Rejection('INVALID_ARGUMENT', 'body: must be {"digest": "sha256:…"}', 'digest');
  }

  #links(): ArtifactLinks {
    const { links } = this.backend.artifactStore;
    if (links) return links;
    throw new Rejection('NOT_FOUND', 'this server keeps artifacts in a folder: send and get the bytes through it');
  }

  async #sendUrl(reply: FastifyReply, method: string, url: string): Promise<void> {
    const expiresAt = this.backend.clock() + urlGoodForS * 1_000;
    await reply.header('cache-control', 'no-store').send({ method, url, expiresAt });
  }

  @Put(':digest')
  async put(
    @Param('digest') digest: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const length = request.headers['content-length'];
    const expected = length === undefined ? { digest } : { digest, sizeBytes: Number(length) };
    const stat = await this.backend.artifactStore.put(this.#body(request), expected);
    await reply.status(201).header('etag', `"${stat.digest}"`).send(stat);
  }

  // a route of its own: the one Fastify makes of GET says that there are no bytes
  @Head(':digest')
  async head(
    @Param('digest') digest: string,
    @Query('name') name: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.get(digest, name, request, reply);
  }

  @Get(':digest')
  async get(
    @Param('digest') digest: string,
    @Query('name') name: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { artifactStore } = this.backend;
    const stat = await artifactStore.stat(digest);
    if (!stat) throw new Rejection('NOT_FOUND', `artifact ${digest} is not there`, 'digest');
    const range = readRange(request.headers.range, stat.sizeBytes);
    // before the headers: what is wrong with the bytes has others
    const given = range !== 'unsatisfiable' && request.method !== 'HEAD';
    const bytes = given ? await artifactStore.get(digest, range ?? undefined) : undefined;
    void reply
      .header('accept-ranges', 'bytes')
      .header('etag', `"${stat.digest}"`)
      .header('cache-control', 'private, max-age=31536000, immutable')
      .headers(logged)
      .header('content-type', 'application/octet-stream')
      .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name ?? digest.slice(7, 19))}`);
    if (range === 'unsatisfiable') {
      await reply.status(416).header('content-range', `bytes */${stat.sizeBytes}`).send();
      return;
    }
    if (range)
      void reply.status(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${stat.sizeBytes}`);
    void reply.header('content-length', String(range ? range.end - range.start : stat.sizeBytes));
    await reply.send(bytes);
  }
}

/** One range as RFC 9110 has it; several, or a unit other than bytes, are answered with the whole. */
export function readRange(
  header: string | undefined,
  sizeBytes: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const length = Math.min(Number(match[2]), sizeBytes);
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes };
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? sizeBytes : Math.min(Number(match[2]) + 1, sizeBytes);
  if (match[2] !== '' && Number(match[2]) < start) return null;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}

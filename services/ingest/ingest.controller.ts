import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { limits } from '#libs/domain/limits.js';
import { Rejection } from '#libs/domain/rejection.js';
import { writeEventResults } from '#libs/domain/wire/batch-codec.js';
import type { Instruments } from '#libs/observability/instruments.js';
import { BACKEND, INSTRUMENTS } from '../tokens.js';
import { createEventAcceptor, type AcceptedBatch, type EventAcceptor } from './accept-events.js';
import { readBody } from './read-body.js';
import { readJsonEvents, readProtobufEvents, type ReadEvent } from './read-events.js';

const protobufTypes = new Set(['application/x-protobuf', 'application/protobuf', 'application/vnd.google.protobuf']);
const jsonTypes = new Set(['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json']);

/** Bodies being read or appended at once; beyond it senders are told to come back. */
const inflightBytesMax = 256 * 1024 * 1024;

@Controller('v1/events')
export class IngestController {
  private readonly acceptor: EventAcceptor;
  private inflightBytes = 0;

  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(INSTRUMENTS) private readonly instruments: Instruments,
  ) {
    this.acceptor = createEventAcceptor(backend);
  }

  @Post()
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
    if (!protobufTypes.has(type) && !jsonTypes.has(type)) {
      throw new Rejection(
        'INVALID_ARGUMENT',
        `content-type: "${type}" is not understood; send application/x-protobuf, application/cloudevents+json or application/cloudevents-batch+json`,
        'content-type',
      );
    }
    const reserved = Math.min(Number(request.headers['content-length'] ?? 1_000_000) || 0, limits.bodyBytesMax);
    if (this.inflightBytes + reserved > inflightBytesMax) {
      throw new Rejection(
        'LIMIT_EXCEEDED',
        `more than ${inflightBytesMax} bytes are being ingested right now; try again in a moment`,
      );
    }
    this.inflightBytes += reserved;
    const end = this.instruments.ingestSeconds.startTimer();
    try {
      const body = await readBody(request.raw);
      this.instruments.ingestBytes.inc(body.length);
      const events = this.read(type, body);
      const accepted = await this.acceptor.accept(events);
      for (const { status } of accepted.results) this.instruments.ingestEvents.inc({ result: status });
      answer(reply, accepted, wantsProtobuf(request.headers.accept ?? '', type));
    } finally {
      end();
      this.inflightBytes -= reserved;
    }
  }

  private read(type: string, body: Buffer): readonly ReadEvent[] {
    const now = this.backend.clock();
    if (protobufTypes.has(type)) return readProtobufEvents(body, now);
    let json: unknown;
    try {
      json = JSON.parse(body.toString('utf8'));
    } catch (error) {
      throw new Rejection('INVALID_ARGUMENT', `body: not JSON: ${(error as Error).message}`, 'body');
    }
    if (type === 'application/cloudevents+json' && Array.isArray(json)) {
      throw new Rejection(
        'INVALID_ARGUMENT',
        'body: a list needs content-type application/cloudevents-batch+json',
        'body',
      );
    }
    return readJsonEvents(json, now, this.backend.newId);
  }
}

/** As asked for; who does not say gets the type of what was sent. */
function wantsProtobuf(accept: string, sent: string): boolean {
  if ([...protobufTypes].some((type) => accept.includes(type))) return true;
  return !accept.includes('json') && protobufTypes.has(sent);
}

function answer(reply: FastifyReply, { results, position }: AcceptedBatch, protobuf: boolean): void {
  // a request of which nothing was taken is the caller's mistake as a whole
  const status = results.length > 0 && results.every((result) => result.status === 'refused') ? 400 : 200;
  if (protobuf) {
    void reply
      .status(status)
      .type('application/x-protobuf')
      .send(Buffer.from(writeEventResults(results, position)));
    return;
  }
  void reply.status(status).send({ results, position });
}

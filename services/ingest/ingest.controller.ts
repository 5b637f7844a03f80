import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { Rejection } from '#libs/domain/rejection.js';
import { writeEventResults } from '#libs/domain/wire/batch-codec.js';
import type { Instruments } from '#libs/observability/instruments.js';
import { eventsBounds, type Bodies, type Body } from '../http/bodies.js';
import { breather } from '../http/breathe.js';
import { BACKEND, BODIES, INSTRUMENTS } from '../tokens.js';
import { createEventAcceptor, type AcceptedBatch, type EventAcceptor } from './accept-events.js';
import { jsonEventReaders, protobufEventReaders, type ReadEvent } from './read-events.js';

const protobufTypes = new Set(['application/x-protobuf', 'application/protobuf', 'application/vnd.google.protobuf']);
const jsonTypes = new Set(['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json']);

@Controller('v1/events')
export class IngestController {
  private readonly acceptor: EventAcceptor;

  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(INSTRUMENTS) private readonly instruments: Instruments,
    @Inject(BODIES) private readonly bodies: Bodies,
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
    const end = this.instruments.ingestSeconds.startTimer();
    try {
      await this.bodies.use(request.raw, eventsBounds, async (body) => {
        this.instruments.ingestBytes.inc(body.bytes.length);
        const accepted = await this.acceptor.accept(await this.read(type, body));
        for (const { status } of accepted.results) this.instruments.ingestEvents.inc({ result: status });
        answer(reply, accepted, wantsProtobuf(request.headers.accept ?? '', type));
      });
    } finally {
      end();
    }
  }

  private async read(type: string, body: Body): Promise<readonly ReadEvent[]> {
    const now = this.backend.clock();
    const readers = protobufTypes.has(type)
      ? protobufEventReaders(body.bytes, now)
      : jsonEventReaders(await jsonOf(type, body), now, this.backend.newId);
    const events: ReadEvent[] = [];
    const pause = breather();
    for (const read of readers) {
      events.push(read());
      await pause();
    }
    return events;
  }
}

async function jsonOf(type: string, body: Body): Promise<unknown> {
  const json = await body.json();
  if (type === 'application/cloudevents+json' && Array.isArray(json)) {
    throw new Rejection(
      'INVALID_ARGUMENT',
      'body: a list needs content-type application/cloudevents-batch+json',
      'body',
    );
  }
  return json;
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

import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Rejection } from '#libs/domain/rejection.js';
import type { Logger } from '#libs/observability/logger.js';
import { LOGGER } from '../tokens.js';
import { discardRest } from './discard-rest.js';
import { toHttpError } from './http-errors.js';

/** Every error of our own HTTP edges leaves through here, in one shape. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    if (reply.raw.headersSent || reply.raw.destroyed || isAborted(error)) {
      reply.raw.destroy();
      return;
    }
    // who sends too slowly is not waited for again
    const slow = error instanceof Rejection && error.code === 'TOO_SLOW';
    void (slow ? Promise.resolve() : discardRest(request.raw)).then(() => this.answer(error, request, reply));
  }

  private answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    // a body that was refused half-read must not be taken for the next request on this connection
    if (!request.raw.complete) void reply.header('connection', 'close');
    const known = toHttpError(error);
    if (known) {
      void reply.status(known.status).headers(known.headers).send(known.body);
      return;
    }
    if (error instanceof HttpException) {
      const message = `${request.method} ${request.url.split('?')[0]!.slice(0, 500)} is not an address of this server`;
      void reply
        .status(error.getStatus())
        .send({ error: { code: error.getStatus() === 404 ? 'NOT_FOUND' : 'INVALID_ARGUMENT', message } });
      return;
    }
    this.logger.error('request failed', { method: request.method, url: request.url.split('?')[0], error });
    void reply.status(500).send({ error: { code: 'INTERNAL', message: 'internal error; the server log says more' } });
  }
}

/** The client went away while we were reading from it or writing to it: nobody is left to answer. */
function isAborted(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR';
}

import { Readable } from 'node:stream';
import { Controller, Get, Inject, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { exportEvents } from '#libs/log/export-events.js';
import { BACKEND } from '../tokens.js';

/** The events of runs as JSON lines, straight from the log: to archive them, or to append them to another server. */
@Controller('v1/export')
export class ExportController {
  constructor(@Inject(BACKEND) private readonly backend: Backend) {}

  @Get()
  async get(@Query('run') run: string | string[] | undefined, @Res() reply: FastifyReply): Promise<void> {
    const gone = new AbortController();
    reply.raw.on('close', () => gone.abort());
    const runs = run === undefined ? null : new Set([run].flat());
    await reply
      .type('application/x-ndjson')
      .send(Readable.from(lines(this.backend, runs, gone.signal), { objectMode: false }));
  }
}

async function* lines(backend: Backend, runs: ReadonlySet<string> | null, signal: AbortSignal): AsyncGenerator<string> {
  for await (const event of exportEvents(backend.log, runs, signal)) yield `${JSON.stringify(event)}\n`;
}

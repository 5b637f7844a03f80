import { All, Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { readSqlRequest } from '#libs/metrics/sql-door.js';
import { readBody } from '../ingest/read-body.js';
import { BACKEND } from '../tokens.js';

const queryBytesMax = 1024 * 1024;

/** ClickHouse's HTTP interface, narrow and read-only, over the friendly views: for clients, Grafana and notebooks. */
@Controller('clickhouse')
export class ClickhouseController {
  constructor(@Inject(BACKEND) private readonly backend: Backend) {}

  @All('ping')
  async ping(@Res() reply: FastifyReply): Promise<void> {
    await reply.type('text/plain').send('Ok.\n');
  }

  @All()
  async query(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const body = request.method === 'POST' ? (await readBody(request.raw, queryBytesMax)).toString('utf8') : '';
    const { sql, ...options } = readSqlRequest(request.query as Record<string, string | string[] | undefined>, body);
    const gone = new AbortController();
    reply.raw.on('close', () => gone.abort());
    const answer = await this.backend.sqlDoor.run(sql, { ...options, signal: gone.signal });
    await reply.status(answer.status).headers(answer.headers).send(answer.body);
  }
}

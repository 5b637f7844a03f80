import { All, Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import { readSqlRequest } from '#libs/metrics/sql/sql-door.js';
import { queryBounds, type Bodies } from '../http/bodies.js';
import { BACKEND, BODIES } from '../tokens.js';
import { SqlShares } from './sql-shares.js';

/** ClickHouse's HTTP interface, narrow and read-only, over the friendly views: for clients, Grafana and notebooks. */
@Controller('clickhouse')
export class ClickhouseController {
  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(BODIES) private readonly bodies: Bodies,
  ) {}

  private readonly shares = new SqlShares();

  @All('ping')
  async ping(@Res() reply: FastifyReply): Promise<void> {
    await reply.type('text/plain').send('Ok.\n');
  }

  @All()
  async query(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const body =
      request.method === 'POST'
        ? await this.bodies.use(request.raw, queryBounds, ({ bytes }) => bytes.toString('utf8'))
        : '';
    const { sql, ...options } = readSqlRequest(request.query as Record<string, string | string[] | undefined>, body);
    const gone = new AbortController();
    reply.raw.on('close', () => gone.abort());
    this.backend.progress.look();
    const end = await this.shares.enter(request.caller, gone.signal);
    const answer = await this.backend.sqlDoor.run(sql, { ...options, signal: gone.signal }).catch((error: unknown) => {
      end();
      throw error;
    });
    answer.body.once('close', end);
    await reply.status(answer.status).headers(answer.headers).send(answer.body);
  }
}

import { Controller, Get, Inject, type OnModuleDestroy, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import type { Instruments } from '#libs/observability/instruments.js';
import { BACKEND, INSTRUMENTS } from '../tokens.js';
import { ReadinessWatch } from './readiness.js';

/** Liveness, readiness with the lag of each projection, and Prometheus metrics of ourselves. */
@Controller()
export class StatusController implements OnModuleDestroy {
  private readonly readiness: ReadinessWatch;

  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(INSTRUMENTS) private readonly instruments: Instruments,
  ) {
    this.readiness = new ReadinessWatch(backend);
  }

  onModuleDestroy(): void {
    this.readiness.close();
  }

  @Get('healthz')
  async health(@Res() reply: FastifyReply): Promise<void> {
    await reply.send({ status: 'ok' });
  }

  /**
   * Ready: the log answers, and for a process that projects or reads, the stores do, somebody has claimed every partition and applies what
   * comes, and no table is known to be damaged. What is waited for is said with the time since when. Ingest alone is ready without any
   * projector: what it takes is durable.
   */
  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { ready, waiting, projections } = await this.readiness.read();
    const notices = this.backend.notices.all().map(({ what, detail, since }) => ({ what, detail, since }));
    await reply
      .status(ready ? 200 : 503)
      .headers(ready ? {} : { 'retry-after': '2' })
      .send({ status: ready ? 'ready' : 'not ready', waiting, notices, projections });
  }

  @Get('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    for (const { projection, partition, lag, waiting } of (await this.readiness.read()).projections) {
      this.instruments.projectionLag.set({ projection, partition }, lag);
      this.instruments.projectionStuck.set({ projection, partition }, waiting === null ? 0 : 1);
    }
    await reply.type(this.instruments.registry.contentType).send(await this.instruments.registry.metrics());
  }
}

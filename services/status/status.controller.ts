import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Backend } from '#libs/backend/backend.js';
import type { Instruments } from '#libs/observability/instruments.js';
import { projectionLags, type ProjectionLag } from '#libs/projecting/projector.js';
import { BACKEND, INSTRUMENTS } from '../tokens.js';

/** Liveness, readiness with the lag of each projection, and Prometheus metrics of ourselves. */
@Controller()
export class StatusController {
  constructor(
    @Inject(BACKEND) private readonly backend: Backend,
    @Inject(INSTRUMENTS) private readonly instruments: Instruments,
  ) {}

  @Get('healthz')
  async health(@Res() reply: FastifyReply): Promise<void> {
    await reply.send({ status: 'ok' });
  }

  /**
   * Ready: the log answers, and for a process that projects or reads, somebody has claimed every partition and no projector here
   * waits for a store that is down. Ingest alone is ready without any projector: what it takes is durable.
   */
  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const projections = await this.lags();
    const { roles } = this.backend.configuration;
    const reads = roles.includes('projector') || roles.includes('gateway');
    const ready = !reads || projections.every(({ waiting, claimed }) => waiting === null && claimed);
    await reply.status(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', projections });
  }

  @Get('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    for (const { projection, partition, lag, waiting } of await this.lags()) {
      this.instruments.projectionLag.set({ projection, partition }, lag);
      this.instruments.projectionStuck.set({ projection, partition }, waiting === null ? 0 : 1);
    }
    await reply.type(this.instruments.registry.contentType).send(await this.instruments.registry.metrics());
  }

  private async lags(): Promise<readonly (ProjectionLag & { readonly lag: number; readonly claimed: boolean })[]> {
    const { families, log, progress } = this.backend;
    const lags = await Promise.all(families.map(async (family) => projectionLags(log, await family.live(), progress)));
    return lags.flat().map((lag) => ({
      ...lag,
      lag: Math.max(0, lag.end - lag.position),
      claimed: progress.position(lag.projection, lag.partition) !== undefined,
    }));
  }
}
